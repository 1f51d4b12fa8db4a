"""The words for shadows, diseases and bronchi of the lungs, in the notation of `terms`; the clause decides polarity."""

from serve_app.domain.facts import Finding
from serve_app.facts.terms import HILUM

# "Area", "patch", "band", "several": what a shadow is called before its kind is named.
SPOT = "(đám|vùng|mảng|ổ|bóng|dải|vệt|các|nhiều|vài|hình)"
# Band-like, plate-like, passive, partial, complete.
COLLAPSE_KIND = "( dạng dải| dạng đĩa| thụ động| một phần| hoàn toàn| nhẹ)*"
# Lesion, thickening, disease, syndrome ... of the tissue.
INTERSTITIAL_SIGN = (
    "(tổn thương|dày|bệnh|hội chứng|mờ|viêm(?! phổi)|đám mờ|tăng đậm|thâm nhiễm)( phổi| mô| tổ chức| nhu mô| dạng)*"
)
# What "lưới", a net, describes.
NET_LIKE = (
    "(hình|mờ|dạng|tổn thương|tổn thương dạng|đám mờ dạng|đường mờ dạng|mờ dạng|tổ chức|mạng|hình ảnh|tăng sinh|"
    "mờ hình)( mờ)?"
)
# Focal, parenchymal, organic, progressive, abnormal, notable, diffuse, acute, active, new.
LESION_KIND = "( khu trú| nhu mô| thực thể| dạng| tiến triển| bất thường| đáng kể| lan tỏa| cấp tính| hoạt động| mới)*"
# Brighter than it should be: of both lungs hyperinflation, of one alone a sign of many things.
BRIGHT = "(tăng( độ)?( thấu)? sáng|quá sáng|sáng quá mức)"
# Tumour, cancer; malignant, central, peripheral, primary, bronchial.
TUMOR = "(bướu|u|k|ung thư|ung thư phế quản|u ác tính|khối u)( ác tính| trung tâm| ngoại vi| nguyên phát| phế quản)*"

LUNG_TERMS: dict[Finding, str] = {
    Finding.OPACITY: f"""
        {SPOT}~mờ; đám mờ; (?<!kính )mờ~(phổi|phế trường|đáy|đỉnh|thùy|nền|trường phổi|phổi phải|phổi trái)
        mờ không đồng nhất; (?<!kính )mờ (lan tỏa|không đều|rải rác); đám tăng đậm( độ)?
        bóng mờ; tăng ((đậm|mật) độ|t[ỷỉ] trọng)
        (tổn thương )?(dạng )?kính mờ; hình mờ
        mờ đồng nhất; mờ dạng đám; tổn thương mờ; mờ nhạt; mờ (toàn bộ )?(nửa|cạnh|quanh|vùng|trường); mờ cạnh tim
        (?<!màng )(phổi|phế trường)~mờ""",
    Finding.CONSOLIDATION: f"""
        ({SPOT} )?(mờ |tổn thương )?(dạng |kiểu )?đông đặc( nhu mô)?( phổi)?; đám mờ~đông đặc; hội chứng đông đặc
        (hội chứng )?lấp đầy phế nang;         đông đặc""",
    Finding.INFILTRATE: f"""
        ({SPOT}~)?(mờ~)?(tổn thương )?(dạng |kiểu )?thâm nhiễm( nhu mô)?( phổi)?; đám mờ~thâm nhiễm; thâm nhiễm""",
    Finding.NODULE: """
        (các |nhiều |vài |đa )?nốt( đơn độc| nhỏ| to)*( mờ| đặc| tròn| kính mờ| phổi)*; nốt; bóng mờ dạng nốt
        mờ~dạng nốt; đám mờ~dạng nốt; tổn thương dạng nốt; bóng mờ hình nốt; hạt kê; nốt kê; mờ~dạng kê""",
    Finding.MASS: """
        khối( choán chỗ)?( mờ| tổn thương| đặc| đậm độ)*; đám mờ~dạng khối; mờ~dạng khối; bóng mờ dạng khối
        tổn thương~dạng khối; khối; tổn thương choán chỗ""",
    Finding.CAVITY: """
        hang( phổi)?; (tổn thương|hình|bóng|ổ) hang; tạo hang; hình hang; (ổ |hình )?áp xe( phổi)?; abces( phổi)?
        hình ảnh hang; mức (nước|dịch) (hơi|khí)~(trong )?(nhu mô )?phổi""",
    Finding.CYST: "(kén|(?<!phế )nang)( khí| phổi| phế quản)?; bóng khí; bóng kén khí; kén hơi; bọng khí; bóng nang",
    Finding.CALCIFICATION: r"""
        (các |vài |nhiều )?(nốt|đám|ổ|hạt|mảng|chấm|dải|khối|hạch|nốt mờ)~(vôi hóa|vôi|đóng vôi|canxi)
        vôi hóa(?! (các )?(sụn|dây chằng|tuyến|van|phần mềm|gân|khớp))
        đóng vôi; vôi hóa (các )?hạch(~(rốn phổi|trung thất))?; nốt vôi; nốt~(đóng vôi|vôi hóa)
        hạch( \w+){0,4} vôi hóa; nốt canxi; xơ( ,| và| \+)? (?P<m>vôi)(?! hóa)""",
    Finding.FIBROSIS: """
        (các |vài |nhiều )?(dải|đám|vệt|tổn thương|vùng|nốt|mảng|sẹo|đường)~(mờ )?(xơ|sẹo)( hóa| sẹo| mờ| phổi)*
        xơ( hóa| sẹo)( phổi| nhu mô phổi)?; xơ phổi; dải xơ; xơ nhu mô( phổi)?; dải mờ xơ; (lao )?xơ(?= phổi|~đỉnh)
        sẹo xơ; xơ(?! vữa); co kéo xơ""",
    Finding.ATELECTASIS: f"""
        (dải |đám |đám mờ |vùng )?xẹp{COLLAPSE_KIND}( nhu mô)?( phổi| thùy| đáy)?( thụ động| dạng dải)?; dải~xẹp( phổi)?
        đám mờ~xẹp phổi""",
    Finding.INTERSTITIAL_DISEASE: f"""
        {INTERSTITIAL_SIGN}~kẽ( phổi)?( lan tỏa)?; dày~(tổ chức |mô )?kẽ; dày~vách( liên| gian)?( tiểu)? thùy
        {NET_LIKE} lưới( nốt)?; lưới nốt; (mờ~)?dạng lưới( nốt)?; tổ ong; hình~tổ ong; bệnh phổi kẽ; mô kẽ
        đường (kẻ )?kerley b?; (tăng|dày)~vân kẽ; (tổ chức|mô) kẽ~dày""",
    Finding.EDEMA: """
        (hình ảnh )?(sung|ứ) huyết( tuần hoàn)?( phổi)?; phù( mô kẽ| phế nang| mô)?( phổi)( cấp| kẽ)?; phù phổi; ứ huyết
        ứ trệ tuần hoàn( phổi)?; phù mô kẽ; phù kẽ; ứ máu phổi
        hình cánh bướm""",
    Finding.EMPHYSEMA: f"""
        giãn phế nang; khí phế thũng; (căng|ứ khí|căng giãn|ứ)( giãn| khí)*~phổi; hai phổi~(căng giãn|ứ khí)
        phổi~(căng giãn|ứ khí|căng sáng); ứ khí
        hai (phế trường|phổi|trường phổi)( hai bên| bên)*~{BRIGHT}; {BRIGHT}~(hai|các) (phế trường|phổi|trường phổi)
        (phế trường|phổi)~hai bên~{BRIGHT}; {BRIGHT}~(phế trường|phổi)~hai bên
        (phế trường|phổi)~{BRIGHT} hai bên; tăng thông khí; tăng độ sáng; lồng ngực hình thùng; khí thũng; căng giãn""",
    Finding.BRONCHIAL_THICKENING: """
        dày~(thành|vách)( các)? phế quản; thành phế quản~dày; dày phế quản; dày~phế quản; hình (ảnh )?đường ray
        dày thành (các )?phế quản""",
    Finding.BRONCHIECTASIS: "giãn( các)?~phế quản; phế quản~giãn",
    Finding.HILAR_ENLARGEMENT: f"""
        {HILUM}~(đậm|to|lớn|tăng đậm|rộng|giãn)( đậm| rõ)*; (to|đậm|tăng đậm|giãn|rộng)~{HILUM}; tăng đậm( độ)?~{HILUM}
        đậm~{HILUM}; {HILUM}~(mạch máu )?đậm; {HILUM}~(tăng kích thước|tăng đậm độ|tăng đậm)
        phì đại rốn phổi""",
    Finding.CONTUSION: "(đụng )?[dg]ập~(nhu mô )?phổi; đụng dập~nhu mô; đụng dập; dập nhu mô",
    Finding.LUNG_LESION: f"""
        tổn thương{LESION_KIND}( trên)?( hai)?( nhu mô| phổi| phế trường)*( khu trú)?; tổn thương~nhu mô( phổi)?
        (?<!mờ )(?<!nốt )(?<!khối )(?<!hang )bất thường~(đậm độ|nhu mô|phế trường|hai phổi|phổi)( nhu mô)?
        đậm độ bất thường; (đám )?(mờ )?bệnh lý~(nhu mô|phổi); bất thường nhu mô( phổi)?
        hình ảnh bất thường~(nhu mô|phổi|phế trường)""",
    Finding.PNEUMONIA: """
        viêm~phổi( thùy)?; phế quản phế viêm; viêm phế quản phổi; phế viêm; viêm phổi kẽ; viêm thùy
        viêm~(thùy|đáy|đỉnh); viêm nhu mô phổi; viêm nhiễm~phổi""",
    Finding.TUBERCULOSIS: """
        (di chứng |tổn thương )?(bệnh )?lao(?! động| công)( sơ nhiễm| xơ)?( phổi| kê| màng phổi)*; lao kê
        tổn thương~dạng lao; tbc; tuberculosis""",
    Finding.BRONCHITIS: """
        (bệnh lý |hội chứng )?viêm~(các )?phế quản( mạn( tính)?| cấp( tính)?| co thắt)*; viêm tiểu phế quản
        hội chứng phế quản; viêm( đường)? hô hấp dưới""",
    Finding.COPD: """
        (bệnh )?(phổi )?tắc nghẽn( phổi)? m[ạã]n( tính)?; copd; bệnh phổi tắc nghẽn( m[ạã]n( tính)?)?
        viêm phế quản phổi tắc nghẽn; phổi tắc nghẽn""",
    Finding.LUNG_TUMOR: rf"""
        (khối )?{TUMOR}~(phổi|đỉnh|thùy|phế quản); khối u( phổi| trung thất)?; ung thư( phổi)?; u phổi; bướu phổi
        (tổn thương )?(thứ phát|di căn)~(ở )?(hai )?phổi; u ác tính; khối u~phổi
        (nghi|trừ|dõi|hay|hoặc) (?P<m>u)(?= ?([?,]|$)); u(?= ?\?)""",
    Finding.MALIGNANCY: """
        (tổn thương )?(có tính chất )?ác tính; (tổn thương )?di căn
        (tổn thương )?(?<!màng phổi )(?<!hóa )(?<!viêm )(?<!xẹp phổi )thứ phát; (nghi|trừ|dõi) (?P<m>k)""",
}
