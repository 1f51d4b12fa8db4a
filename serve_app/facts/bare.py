"""Sentences typed without diacritics, given them back: "tran dich mang phoi" becomes "tràn dịch màng phổi".

Knows the words of reports alone. Of the words that a bare one may stand for a phrase of the table decides, the longer
before the shorter; a word that is not in the table stays as it is.
"""

import re
import unicodedata

_PHRASES = """
    không; chưa; thấy; có; còn; đã; đang điều trị; ghi nhận; phát hiện; quan sát; được; hình ảnh; hình; dấu hiệu; bị
    bình thường; giới hạn; bất thường; đặc biệt; rõ; đều; theo dõi; nghi; nghi ngờ; nghĩ đến; nghĩ tới; nghĩ nhiều
    khả năng; hướng tới; có thể; gợi ý; loại trừ; phân biệt; xác định; khẳng định; đánh giá; khó; đề nghị; khuyến nghị
    lâm sàng; tiền sử; kết luận; chẩn đoán; hiện tại; phù hợp; nếu; cần; chụp; và; hoặc; hay; cũng như; nhưng
    tuy nhiên; ngoài ra; kèm; gây xẹp; gây tràn; gây mờ; do; phải; trái; bên; hai; hai bên; cả hai; cả; sang phải
    sang trái; sang bên; đỉnh; đáy; nền phổi; thùy; trên; giữa; dưới; 1/3; trường; vùng; nửa; cạnh; quanh; ngoại vi
    rải rác; lan tỏa; toàn bộ; lượng; ít; vừa; nhiều; nhẹ; mức độ nặng; nhỏ; lớn; to; vài; các; kín đáo; mảnh
    trung bình; hơi; hai đáy; đáy phổi; phổi; hai phổi; nhu mô; phế trường; sáng; tăng sáng; giảm; tăng; đậm độ
    tăng đậm; đậm; đám mờ; mờ; ổ áp xe; ổ đông đặc; dải; vệt; dạng; khối; khối u; nốt; hang; kén khí; nang; áp xe
    vôi hóa; vôi; đóng vôi; xơ; xơ sẹo; xơ hóa; xơ vữa; sẹo; xẹp; kẽ; tổ chức kẽ; mô kẽ; tổ chức; lưới; tổ ong
    kính mờ; hạt kê; lao kê; tổn thương; khu trú; đông đặc; thâm nhiễm; viêm; viêm phổi; lao; lao phổi; tiến triển
    di chứng; cũ; mới; mạn tính; tắc nghẽn; bệnh; bệnh lý; u; u phổi; bướu; ung thư; ác tính; di căn; thứ phát
    phế quản; phế quản gốc; phế nang; khí phế thũng; giãn; giãn phế quản; căng giãn; ứ khí; ứ huyết; sung huyết; phù
    phù phổi; dập phổi; đụng dập; màng phổi; khoang; tràn; tràn dịch; tràn khí; tràn máu; tràn mủ; dịch; khí; dày dính
    dày màng; dày thành; dày tổ chức; dày kẽ; dày mô; dày vách; dày rãnh; dày mũ đỉnh; dày nhẹ màng; dạ dày; dưới da
    thành; vách; góc; sườn hoành; góc sườn hoành; tù; nhọn; tự do; tư thế; mất; xóa; vòm hoành; cơ hoành; hoành
    nâng cao; lên cao; đẩy cao; hạ thấp; bị đẩy; đẩy lệch; kéo; kéo lệch; co kéo; lệch; di lệch; liềm hơi; hơi tự do
    mức nước hơi; tim; bóng tim; bóng; chỉ số tim; lồng ngực; ngực; kích thước; thất trái; suy tim; động mạch chủ
    động mạch phổi; động mạch; đmc; đm; tĩnh mạch; quai; cung; cung dưới; vồng; phình; rộng; giãn rộng; rốn phổi; rốn
    trung thất; khí quản; nằm; ở; đường giữa; hạch; xương; đòn; xương ức; sườn; nốt đơn độc; gãy; gãy xương; gãy cung
    cung sau; cung trước; cung bên; nguyên vẹn; cột sống; đốt sống; vẹo; thoái hóa; gai xương; tiêu xương; loãng xương
    phần mềm; máy tạo nhịp; chỉ thép; van; nhân tạo; cơ học; ống; nội khí quản; mở khí quản; ống thông; dẫn lưu
    trung tâm; buồng tiêm; cản quang; kim loại; dụng cụ; nẹp vít; đúng vị trí; vị trí; quá sâu; rút; tháo; hết; so với
    trước; phim cũ; thay đổi; không thay đổi; thay van; ổn định; hấp thu; tái phát; sau; sau mổ; thông khí; thể tích
    đường mờ; bờ; bóng mờ; mờ không; không đồng nhất; đồng nhất; chỉ cột; chỉ khâu; bệnh nhân; hợp tác; ranh giới
    hoàn toàn; gần hết; hầu hết; chưa hết; hầu như; màng tim; màng ngoài tim; ổ bụng; khớp vai; quá sáng; thấu sáng
    không thể; chưa thể; chắc chắn; là; đầu tiên; chỉ định; kiểm tra; lý do; vào viện; nhập viện; vì; đau ngực
    tuyến trước; lạc vào; vào; dày đỉnh phổi; chọc; hút; phân định; mạch máu; bản chất; nguyên nhân; cđls; hẹn
    chụp lại; để; thùy lưỡi; hơn; đm chủ; khoảng 0; khoảng 5; hiện; lấp đầy; co nhỏ; đinh nẹp; nẹp; ngoài; mà
    không dày; không nghĩ; mà nghĩ; lớp; sụn; mỏm; màng phổi phải dày; màng phổi trái dày; liên thùy dày; phế quản dày
    bề dày; dày 1; dày 2; dày 3; dày mp; đáy dày; bả vai; phồng; nổi; cuộn; lạc lên; có vẻ; hai lá; dị vật; đường thở
    tiểu phế quản; thân; cân đối; dịch chuyển; dọc theo; thông thoáng; vân phổi; vân kẽ; mạch máu; sinh lý; gù vẹo
    xẹp về; gì; tạm thời; tỷ trọng; tăng đậm độ; nứt; dập; tâm hoành; liệt; hủy; hướng đến; cùng bên; giả; dạng kê
    với phổi; xâm lấn; chủ vồng; hiện tại chưa; thẳng
"""


def _bare(words: str) -> str:
    letters = unicodedata.normalize("NFD", words.replace("đ", "d"))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


_WRITTEN = {_bare(phrase): phrase for line in _PHRASES.splitlines() for phrase in line.strip().split("; ") if phrase}
_KNOWN = re.compile(rf"(?<!\w)(?:{'|'.join(sorted(map(re.escape, _WRITTEN), key=len, reverse=True))})(?!\w)")
# In a sentence with diacritics these are none but words whose own were forgotten.
_FORGOTTEN = {
    _bare(word): word
    for word in (
        *("dịch", "phổi", "lượng", "ít", "trái", "phải", "thùy", "tràn", "xẹp", "viêm", "không", "dưới", "giữa"),
        *("bên", "sườn", "góc", "hoành", "vòm", "xương", "nốt", "khối"),
    )
}
_WITHOUT = re.compile(rf"(?<!\w)(?:{'|'.join(_FORGOTTEN)})(?!\w)")
SENTENCE = re.compile(r"[^.;\n]+")


def with_diacritics(sentence: re.Match[str]) -> str:
    """Write a bare sentence as it was meant, letter for letter; of another only words that cannot be meant as bare."""
    words, written = (_KNOWN, _WRITTEN) if sentence[0].isascii() else (_WITHOUT, _FORGOTTEN)
    return words.sub(lambda found: written[found[0]], sentence[0])
