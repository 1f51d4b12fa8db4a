"""The words for pleura, heart, vessels, bones and devices, in the notation of `terms`; the clause decides polarity."""

from serve_app.domain.facts import Finding
from serve_app.facts.terms import ANGLE, ARCH, DOME, HEART, HEART_RATIO, MEDIASTINUM

RIB = "((các )?(đầu |cung )?(cung )?(sau|trước|bên|giữa|ngoài)?( của)? ?(các )?(xương )?sườn)"
# Fluid in the pericardium, the abdomen or a joint is no pleural effusion.
ELSEWHERE = "(?! (khoang )?màng (ngoài )?tim| ngoài màng tim| ổ| khớp)"
# Nor is air in these a pneumothorax.
AIR_ELSEWHERE = (
    "( ở)? (dưới (da|(vòm |cơ )?hoành)|trung thất|màng (ngoài )?tim|(ổ )?phúc|ổ bụng|mô mềm|phần mềm|thành ngực|"
    "vùng cổ)"
)
# "The pleural cavity (on the right) holds (a little)": fluid or air may follow.
IN_PLEURA = (
    "màng phổi( hai bên| bên| phải| trái| có| còn| thấy| ít| nhiều| vừa| lượng| lớp| dịch| âm tính| không dày| ,)*"
)
LUNG_PLACE = "(hai|đỉnh|đáy|phổi|nhu mô|thùy|rốn|màng|trường)"
# What a ratio is written after: "is", "about", "=", "#", "~", ">".
IS = r"( là| khoảng| tăng| tới| trên| lớn hơn| ?[#=≈:>≥\x7e])*"
# Of the aorta: large, dilated, wide, bulging, long, prominent, coiled, tortuous.
WIDE_OR_LONG = "(to|lớn|giãn|rộng|vồng|phình|dài|kéo dài|nổi|cuộn|ngoằn ngoèo|phồng|dãn|bung rộng)"
# Calcified, atheromatous or both.
CALCIFIED = "(vôi hóa|đóng vôi|vôi|xơ vữa|xơ vữa vôi hóa|xơ vữa và vôi hóa|xơ vôi)"
# Deviated, pushed, pulled.
SHIFTED = "(di lệch|bị đẩy|đẩy lệch|kéo lệch|lệch|co kéo|di chuyển|đẩy|kéo)"
# Lesion, lysis, destruction, sclerosis, fracture, metastasis, defect.
BONE_DAMAGE = "(tổn thương|bất thường|tiêu|hủy|phá hủy|đặc|gãy|di căn|khuyết)"
NODE_STATION = "(trung thất|rốn phổi|rốn|cạnh khí quản|nách|thượng đòn)"
PACER = "(máy|bộ) (tạo|phát) nhịp( tim)?"
# Permanent, temporary, with two leads, with one.
PACER_KIND = "( vĩnh viễn| tạm thời| hai buồng| một buồng)?"
WIRE = "chỉ (thép|kim loại|cột|buộc|khâu)( cột| khâu| buộc| thép| cố định)*"
# Instrument, material, foreign body, splint, clip, pin ...
OBJECT = (
    "(dụng cụ|vật liệu|thiết bị|dị vật|vật thể|phương tiện|mảnh|nẹp|hình|clip|đinh|nẹp vít|bóng)"
    "( y tế| nhân tạo| can thiệp| lạ)*"
)

CHEST_TERMS: dict[Finding, str] = {
    Finding.EFFUSION: rf"""
        tràn( ít| nhiều| nhẹ)? (dịch|máu|mủ){ELSEWHERE}(?! khí)(~(khoang |rãnh |khe |ổ )?màng phổi)?
        dịch~(khoang )?màng phổi; tràn dịch~(khoang )?màng phổi; (dịch|tràn dịch)~(rãnh|khe)( liên thùy)
        (mờ|tù|mất|xóa|đầy|lấp|bít|che)~{ANGLE}; {ANGLE}~(mờ|tù|mất|xóa|đầy|không sáng|không nhọn|bị che|bị xóa)
        dịch màng phổi; tràn dịch{ELSEWHERE}; tràn dịch( khoang)? màng (ngoài )?tim( và| ,) (?P<m>màng phổi)
        {ANGLE}( \w+| ,){{1,6}} (phải|trái) (?P<m>tù|mờ); {IN_PLEURA} (?P<m>dịch)
        lớp dịch~màng phổi; dịch~{ANGLE}; hội chứng ba giảm; tụ dịch~màng phổi""",
    Finding.PNEUMOTHORAX: f"""
        tràn( ít| nhiều)? khí(?!{AIR_ELSEWHERE})(~(khoang )?màng phổi)?
        {IN_PLEURA} (?P<m>khí)(?! quản); khí~(khoang )?màng phổi; tràn khí~màng phổi; tràn khí áp lực""",
    Finding.PLEURAL_THICKENING: """
        dày( dính| và dính|~)*~màng phổi; dính~màng phổi; màng phổi~dày( dính)?; dày dính( màng phổi| góc sườn hoành)?
        dày màng phổi; dày~(rãnh|khe) liên thùy; (rãnh|khe) liên thùy~dày
        dày~mũ đỉnh( phổi)?; (?<!thành )dày~đỉnh phổi; viêm dày~màng phổi
        vôi hóa~màng phổi dày""",
    Finding.ELEVATED_DIAPHRAGM: rf"""
        {DOME}~(nâng cao|nhô cao|lên cao|đẩy cao|cao|đẩy lên|nâng|kéo cao|nhão|bị kéo lên|đẩy)( lên)?( cao)?
        (nâng|đẩy|kéo)( cao|lên| lên)*~{DOME}( lên cao| lên)?; (cao|nhão|liệt)~{DOME}
        {DOME}( \w+| ,){{1,6}} (phải|trái) (?P<m>nâng cao|cao)""",
    Finding.PNEUMOPERITONEUM: """
        (?<!bóng )(liềm |hình )?(hơi|khí)( tự do)?~dưới (vòm |cơ )?hoành; liềm (hơi|khí)
        (hơi|khí) tự do( trong)?( ổ bụng)?; tràn khí (ổ bụng|(ổ )?phúc mạc|dưới (vòm |cơ )?hoành)""",
    Finding.CARDIOMEGALY: rf"""
        {HEART}( có kích thước| kích thước| có)?~(to|lớn|giãn|phì đại)( toàn bộ| bè| ngang)*
        {HEART_RATIO}( là| khoảng| tăng)* ?(>|≥|>=|lớn hơn|trên) ?(0[,.]5\d*|5\d ?%|50 ?%)
        {HEART} có vẻ( như)? (?P<m>to|lớn|giãn); chỉ số tim[ ,/-]*(trên )?(lồng )?ngực~(tăng|to|lớn)
        (to|lớn|giãn)~(bóng tim|tim|(tâm )?(thất|nhĩ) (trái|phải)|buồng tim|các buồng tim); phì đại~thất
        (thất|nhĩ|cung thất|cung dưới)( trái| phải)?~(to|lớn|giãn|phì đại); dày thất( trái| phải)?
        tăng kích thước~(bóng )?tim; {HEART}~tăng kích thước; kích thước (bóng )?tim~tăng
        ({HEART_RATIO}|ctr){IS} ?(0[,.](5[1-9]|[6-9])\d*|(5[1-9]|[6-9]\d) ?%); (bệnh )?cơ tim (giãn|phì đại)
        ctr ?(>|≥) ?0[,.]5\d*; chỉ số tim tăng""",
    Finding.HEART_FAILURE: """
        suy( chức năng)?~tim( trái| phải| toàn bộ| (ứ|sung) huyết| m[ạã]n| cấp)*; suy thất( trái| phải)""",
    Finding.AORTIC_ENLARGEMENT: f"""
        {ARCH}~{WIDE_OR_LONG}( rộng| cao| rõ| to| giãn)*
        (giãn|phình|vồng|rộng|to|phồng|bung)( rộng| cao|, rộng| to)*~(cung |quai |vòm |gốc |túi )?{ARCH}
        phình~(tách )?{ARCH}; {ARCH}~{CALCIFIED}( và| ,) (?P<m>giãn|vồng|phình)""",
    Finding.AORTIC_CALCIFICATION: rf"""
        (mảng |đám |dải |nốt )?{CALCIFIED}( dày| đậm)?~(thành )?(cung |quai |vòm )?{ARCH}
        {ARCH}( \w+| ,){{0,6}}? (?P<m>((mảng|dải) )?(vôi hóa|đóng vôi))(?! (ở )?{LUNG_PLACE})
        {ARCH}( \w+| ,){{0,6}}? (?P<m>vôi hóa|đóng vôi|xơ vữa|xơ vôi|bị vôi)
        {ARCH}~(xơ cứng|xơ vữa)( vôi hóa| và vôi hóa)?; vữa xơ~động mạch chủ; xơ vữa""",
    Finding.PULMONARY_ARTERY_ENLARGEMENT: """
        (cung |thân |gốc |các )*động mạch phổi~(to|lớn|giãn|phình|vồng|nổi|phồng|rộng)( rõ)?
        (giãn|to|phình|vồng|phồng)~(cung |thân |gốc )*động mạch phổi; tăng( áp)( lực)?~động mạch phổi
        cung (giữa|giữa trái)~(phồng|vồng|nổi|đầy)""",
    Finding.MEDIASTINAL_SHIFT: f"""
        {MEDIASTINUM}~{SHIFTED}( lệch)?
        (đẩy|kéo|co kéo|lệch|di lệch)( lệch)?~(trung thất|khí quản|tim)( và (trung thất|khí quản|tim))?
        (bóng )?tim~(lệch|bị đẩy|bị kéo|đẩy lệch|kéo lệch)""",
    Finding.MEDIASTINAL_WIDENING: """
        trung thất( trên)?~(giãn rộng|rộng|giãn|to|lớn|bè rộng)( ra| rộng)?; (giãn rộng|rộng|giãn)~trung thất( trên)?
        bóng mờ trung thất rộng; u trung thất""",
    Finding.PNEUMOMEDIASTINUM: """
        (tràn )?khí( ở)? trung thất; tràn khí dưới da( và| ,) (?P<m>trung thất)""",
    Finding.LYMPHADENOPATHY: f"""
        (các |nhiều )?hạch( to| lớn)?(~{NODE_STATION}( hai bên|( bên)? (phải|trái))?)*( to| lớn| phì đại)?""",
    Finding.SUBCUTANEOUS_EMPHYSEMA: """
        (tràn )?khí( ở)?~(dưới da|phần mềm|mô mềm)( thành ngực)?
        tràn khí thành ngực; (mềm|da|ngực)( phải| trái)? có (?P<m>khí)(?! quản)
        tràn khí trung thất( và| ,) (?P<m>dưới da)""",
    Finding.RIB_FRACTURE: rf"""
        (gãy|rạn|nứt|vỡ|can)( xương)?( cũ)?~{RIB}; gãy~(cung|xương)~sườn; {RIB}( \w{{1,4}}){{0,4}} (bị )?(gãy|rạn|nứt)
        gãy( cũ)?( (?!đòn)[\w/]+){{0,5}} sườn; can xương~sườn; mất liên tục( \w+){{0,4}} sườn; gãy sườn
        gãy( [\w/]+| ,){{0,6}} (?P<m>(cung \w+ )?xương sườn)(?! bình| không| nguyên)""",
    Finding.CLAVICLE_FRACTURE: r"""
        (gãy|rạn|nứt|can)( cũ)?~(xương )?đòn; xương đòn~(bị )?(gãy|rạn); mất liên tục~xương đòn
        gãy( [\w/]+| ,){0,5} (?P<m>xương đòn)(?! bình| không| nguyên); nẹp~xương đòn gãy""",
    Finding.SCOLIOSIS: """
        gù vẹo; cong vẹo; (gù )?(cong )?vẹo~(đoạn )?(cột sống)?( thắt lưng| ngực)*
        cột sống( ngực| lưng| thắt lưng)*~(gù )?(cong )?(vẹo|cong|lệch); cong~cột sống( ngực)?""",
    Finding.SPINAL_DEGENERATION: """
        thoái hóa~(các )?(thân )?(đốt sống|cột sống|khớp|cột sống ngực|xương)?
        cột sống( ngực| lưng| thắt lưng)*~thoái hóa; (gai|cầu|mỏ|chồi|gai xương)( xương)?~(thân )?(đốt|cột) sống
        cột sống( ngực)?~(gai|mỏ) xương; hẹp khe (liên )?đốt sống; gai xương; mỏ xương; thưa xương cột sống""",
    Finding.BONE_LESION: f"""
        {BONE_DAMAGE}( tiêu| hủy| các)*~(khung )?xương(?! sườn| đòn)( lồng ngực| thành ngực)?; gãy xương
        tổn thương~xương sườn; (tiêu|hủy|đặc)~xương( sườn| đòn)?; xẹp~(thân )?đốt sống
        (xẹp|lún|xẹp lún)( các)?( thân)? đốt sống
        loãng xương; khung xương~bất thường; bất thường~(cấu trúc )?xương( sườn)?""",
    Finding.PACEMAKER: f"""
        (dây |điện cực |dây điện cực )?(của )?{PACER}{PACER_KIND}; điện cực( tạo nhịp)?; (máy|icd) (phá|khử) rung
        pacemaker; tạo nhịp; icd""",
    Finding.STERNAL_WIRES: f"""
        (các |vòng |nút |mũi )*{WIRE}~(xương ức|lồng ngực|thành ngực|ức)?; (các )?(vòng|dây|nút) thép( xương ức)?
        đai thép~xương ức; kim loại xương ức; cúc thép""",
    Finding.PROSTHETIC_VALVE: """
        (bóng )?van( tim| hai lá| động mạch chủ| ba lá| tim cơ học)*( nhân tạo| cơ học| sinh học)( nhân tạo)?
        van cơ học; van kim loại; vòng van( nhân tạo)?; thay van( tim| hai lá)?""",
    Finding.CENTRAL_VENOUS_CATHETER: """
        (catheter|ống thông|đường truyền|sonde|kim luồn)~(tĩnh mạch)( trung tâm| dưới đòn| cảnh| cảnh trong)*; cvc; picc
        buồng tiêm( truyền)?( dưới da)?; port ?a ?cath; catheter( hầm| lọc máu| động mạch phổi)?( tĩnh mạch)?
        đường truyền trung tâm; buồng truyền""",
    Finding.ENDOTRACHEAL_TUBE: "(đầu )?(ống |ống thông )?nội khí quản; ống khí quản",
    Finding.TRACHEOSTOMY_TUBE: "(ống |canuyn |canule |canul |canun )?(mở|khai) khí quản; canuyn khí quản",
    Finding.NASOGASTRIC_TUBE: "(ống thông|sonde|ống|xông|sond) (mũi )?dạ dày; ống nuôi ăn; sonde mũi",
    Finding.CHEST_TUBE: """
        (ống|sonde|dây|catheter|ống thông)~(dẫn lưu)(~(khoang )?(màng phổi|lồng ngực|khí|dịch))?
        dẫn lưu~(khoang )?(màng phổi|lồng ngực); ống dẫn lưu; (?<=đã )(được )?dẫn lưu
        dẫn lưu trung thất( và|,| ,) (?P<m>màng phổi)""",
    Finding.MALPOSITIONED_TUBE: """
        (sai|lạc|lệch|không đúng|chưa đúng)( vị trí| chỗ); lạc( chỗ)?; quá (sâu|cao|nông|thấp); tụt; cuộn
        (nằm |đi |lạc |lọt |xuống |vào |trong |ở |tại )+(nhánh |lòng )?phế quản( gốc)?( phải| trái)?
        chưa (tới|đến|vào|xuống) dạ dày""",
    Finding.DEVICE: rf"""
        {OBJECT}~(cản quang|kim loại|kim khí|cố định|kết hợp xương); dụng cụ( y tế)?; dị vật( cản quang)?
        stent~(\w+ )?; stent; (mảnh |đầu |viên )?đạn( chì)?; nẹp vít( \w+ đòn)?; clip( phẫu thuật)?; thiết bị cấy
        (đinh|nẹp)( nẹp| vít| đinh)*( kết hợp)?~xương( đòn| sườn)?""",
}
