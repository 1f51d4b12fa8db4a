"""Statements that something is normal, in the notation of `terms`; each is a fact stated as absent."""

from serve_app.domain.facts import Finding
from serve_app.facts.terms import ANGLE, ARCH, DOME, HEART, HEART_RATIO, HILUM, MEDIASTINUM

# "Not (seen, noted, clear ...)".
NO = "(không|chưa)( bị| thấy| có| còn| ghi nhận| phát hiện| quan sát| hình ảnh| dấu hiệu| rõ| được| tình trạng)*"
# "Within (physiological) limits", "normal", "nothing abnormal", "no lesion".
NORM = (
    "((nằm )?(trong )?(giới hạn|phạm vi)( sinh lý)? bình thường|trong giới hạn|(hoàn toàn )?bình thường|"
    f"{NO} (gì )?(các )?(điều )?(bất thường|đặc biệt)|{NO} (tổn thương|biến đổi bất thường))"
)
FILM = "(hình ảnh )?(x quang|phim)( chụp)?( tim phổi| phổi| ngực| tim| lồng ngực| thẳng| hiện tại)*"
# Density, parenchyma, fields; "of both lungs".
LUNG_FIELD = "(đậm độ|nhu mô|phế trường|hai phổi|phổi)( nhu mô)?( ở| trên)?( hai)?( phổi| phế trường)?( hai bên)?"
SHIFTED = "(di lệch|dịch chuyển|lệch|đẩy|kéo|co kéo|xô lệch|di chuyển)"
# Neither brighter nor darker than it should be, nor unevenly so.
BRIGHT_AS_USUAL = (
    "(?<!tăng )(?<!giảm )(?<!quá )(?<!kém )(?<!mất )(?<!thấu )"
    "sáng(?! không| kém| hơn| quá)( đều| bình thường| hai bên| rõ)*"
)
# "(See) anything abnormal".
ANYTHING = "(thấy )?(gì )?(hình ảnh )?(các )?(điều )?(tổn thương |dấu hiệu )?bất thường"

NORMALITY: dict[Finding, str] = {
    Finding.CARDIOMEGALY: rf"""
        {HEART}^{NO}( tăng kích thước| to| lớn| giãn| phì đại)( ra)?; {HEART}^{NORM}; {HEART} không lớn
        {HEART_RATIO}( là| khoảng)* ?(<|≤|=<|<=|nhỏ hơn|dưới) ?(0[,.]5\d*|50 ?%)
        chỉ số tim[ ,/-]*(trên )?(lồng )?(ngực )?({NO} tăng|{NORM}); tim^(kích thước )?bình thường; {HEART} nhỏ
        ({HEART_RATIO}|ctr)( là| khoảng| ?[#=≈:\x7e])* ?0[,.]([34]\d*|50?)(?!\d); ctr ?(<|≤) ?0[,.]5\d*
        {HEART}^trong giới hạn( bình thường)?""",
    Finding.LUNG_LESION: f"""
        (hai |các )?(phổi|phế trường|trường phổi|nhu mô phổi|nhu mô|đỉnh phổi)~{BRIGHT_AS_USUAL}
        ((?<!màng )(?<!máu )(?<!mạch )(?<!vân )(hai |các )?phổi|phế trường|nhu mô( phổi)?|đậm độ phổi)^{NORM}
        (phổi|phế trường)~(thông khí tốt|trong(?! giới| phạm)|thông thoáng)
        {NO} (thấy )?(gì )?bất thường( về)?~{LUNG_FIELD}
        đậm độ( nhu mô| hai| phổi)*^{NORM}; phổi thông khí( đều)?( bình thường)?""",
    Finding.PNEUMOTHORAX: f"màng phổi( \\w+| ,){{0,6}}? (?P<m>{NO} khí(?! phế| quản))",
    Finding.EFFUSION: rf"""
        {ANGLE}^(còn )?(nhọn|sáng|tự do|thoáng|rõ|bình thường)( đều| nhọn| sáng|, nhọn)*
        {ANGLE}^{NO} (tù|mờ|bất thường|dịch); {ANGLE}^{NORM}
        màng phổi( \w+| ,){{0,6}}? (?P<m>{NO} dịch)""",
    Finding.PLEURAL_THICKENING: f"màng phổi~{NO} dày( dính)?",
    Finding.MEDIASTINAL_SHIFT: rf"""
        {MEDIASTINUM}^{NO} {SHIFTED}( lệch)?
        (trung thất|khí quản)( \w+| ,){{0,5}} (?P<m>{NO} (di lệch|lệch|đẩy|bị đẩy))
        (trung thất|khí quản)^(nằm )?(ở )?(chính |đường )?giữa
        (trung thất|khí quản)^(cân đối|nằm ở đường giữa|ở vị trí bình thường); khí quản^{NORM}
        (bóng )?tim~{NO} lệch""",
    Finding.MEDIASTINAL_WIDENING: rf"""
        trung thất( trên)?^{NO} (giãn rộng|rộng|giãn|to|lớn)
        trung thất( \w+| ,){{0,5}} (?P<m>{NO} (giãn rộng|rộng))""",
    Finding.BONE_LESION: f"""
        (khung xương|hệ thống xương|hệ xương|các xương|cấu trúc xương|xương)^{NORM}
        (khung xương|xương)^{NO} (thấy )?tổn thương
        (các |khung |hệ )*xương( lồng ngực| thành ngực)* {NO} (bị )?gãy
        (khung xương|xương lồng ngực|xương thành ngực)^nguyên vẹn""",
    Finding.RIB_FRACTURE: f"(các )?(cung )?(xương )?sườn^{NO} (bị )?gãy",
    Finding.CLAVICLE_FRACTURE: f"xương đòn^{NO} (bị )?gãy",
    Finding.ELEVATED_DIAPHRAGM: f"""
        {DOME}^{NORM}; {DOME}^{NO} (nâng cao|cao|đẩy|lên cao)
        {DOME}^(đều|rõ nét|mềm mại|cân đối|đều rõ|rõ|liên tục|nhẵn)""",
    Finding.AORTIC_ENLARGEMENT: rf"""
        {ARCH}^{NORM}; {ARCH}^{NO} (to|lớn|giãn|rộng|vồng|phình|dài)
        {ARCH}^{NO} (vôi hóa|xơ vữa)( hay| hoặc) (?P<m>giãn|phình)
        {ARCH}( \w+| ,){{0,5}}? (?P<m>{NO} (giãn|phình|vồng))""",
    Finding.AORTIC_CALCIFICATION: f"{ARCH}^{NO} (vôi hóa|xơ vữa)",
    Finding.HILAR_ENLARGEMENT: f"{HILUM}^{NORM}; {HILUM}^{NO} (to|đậm|lớn|rộng|tăng đậm|giãn); {HILUM}^không tăng đậm",
    Finding.PULMONARY_ARTERY_ENLARGEMENT: f"""
        (cung |thân )?động mạch phổi^{NORM}; (cung |thân )?động mạch phổi^{NO} (to|giãn|lớn|phồng)""",
    Finding.SCOLIOSIS: f"cột sống~{NO} (cong )?(vẹo|cong)",
    Finding.ABNORMALITY: rf"""
        (hình ảnh |hình |bóng )?tim(,| ,| và|-)* ?phổi( thẳng)?^{NORM}; {FILM}^{NORM}; tim phổi bình thường
        tim phổi trong giới hạn bình thường
        {NO} {ANYTHING}(?! \w*(đậm|nhu|xương))( trên (phim|x quang)[^,.;]{{0,30}})?""",
}
