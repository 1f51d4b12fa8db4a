"""Reading report text into facts: development sentences by the guideline, and any text at all."""
# ruff: noqa: E501 - a term reads best on one line

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serve_app.domain.facts import Polarity
from serve_app.facts import extract

SENTENCES = {
    "Tràn dịch, tràn khí màng phổi trái lượng ít": "effusion + left | pneumothorax + left mild",
    "Không tràn dịch, tràn khí màng phổi hai bên": "effusion - bilateral | pneumothorax - bilateral",
    "Phổi phải có đám mờ thùy dưới, phổi trái bình thường": "lung-lesion - left | opacity + right lower",
    "Nghi u phổi trái": "lung-tumor ? left",
    "Hang lao đỉnh phổi trái": "cavity + left apex | tuberculosis + left apex",
    "Mờ đáy phổi hai bên": "opacity + bilateral base",
    "Đặt ống dẫn lưu màng phổi trái": "chest-tube + left",
    "Không còn tràn khí màng phổi phải": "pneumothorax - right",
    "Xương bình thường": "bone-lesion -",
    "Không tràn khí màng phổi, tràn dịch màng phổi trái lượng ít": "effusion + left mild | pneumothorax -",
    "BÓNG TIM TO": "cardiomegaly +",
    "- CÒN MÁY TẠO NHỊP": "pacemaker +",
    "- QUAI ĐỘNG MẠCH CHỦ RỘNG, CÓ VÔI HÓA": "aortic-calcification + | aortic-enlargement +",
    "- VÀI DẢI XƠ NHỎ ĐỈNH PHỔI (P)": "fibrosis + right apex mild",
    "- HÌNH XQUANG TIM PHỔI TRONG GIỚI HẠN BÌNH THƯỜNG.": "abnormality -",
    "MỜ GÓC SƯỜN HOÀNH TRÁI, DỊCH MÀNG PHỔI TRÁI LƯỢNG ÍT": "effusion + left mild",
    "KHÔNG THẤY BẤT THƯỜNG ĐẬM ĐỘ HAI PHỔI": "lung-lesion - bilateral",
    "VAN TIM NHÂN TẠO": "prosthetic-valve +",
    "CHỈ CỘT XƯƠNG ỨC": "sternal-wires +",
    "Bóng tim không to. Hai phế trường sáng. Không thấy tổn thương nhu mô khu trú. Không tràn dịch, tràn khí màng phổi.": "cardiomegaly - | effusion - | lung-lesion - | lung-lesion - bilateral | pneumothorax -",
    "Mờ nhẹ góc sườn hoành phải": "effusion + right mild",
    "Tràn dịch nhiều màng phổi (P)": "effusion + right severe",
    "Dịch khoang màng phổi hai bên lượng ít": "effusion + bilateral mild",
    "Bóng tim hơi to": "cardiomegaly +",
    "Không thấy hình ảnh tràn khí": "pneumothorax -",
    "Xẹp phổi thụ động thùy dưới phổi trái": "atelectasis + left lower",
    "Quai ĐMC vồng": "aortic-enlargement +",
    "TKMP (T)": "pneumothorax + left",
    "TDMP 2 bên lượng vừa": "effusion + bilateral moderate",
    "Gãy cung sau xương sườn 5,6 bên (T)": "rib-fracture + left",
    "Tràn dịch, tràn khí màng phổi trái": "effusion + left | pneumothorax + left",
    "Đông đặc phổi phải, theo dõi viêm phổi": "consolidation + right | pneumonia ?",
    "Chưa loại trừ lao phổi": "tuberculosis ?",
    "Viêm phổi phải?": "pneumonia ? right",
    "Đám mờ thâm nhiễm đỉnh phổi phải, TD lao": "infiltrate + right apex | tuberculosis ?",
    "Phổi phải: nốt vôi hóa thùy trên": "calcification + right upper",
    "Tràn dịch màng phổi phải không thay đổi so với phim cũ": "effusion + right",
    "Tim: không to. Trung thất: không di lệch.": "cardiomegaly - | mediastinal-shift -",
    "Khung xương lồng ngực không thấy bất thường": "bone-lesion -",
    "Trung thất không rộng, không di lệch": "mediastinal-shift - | mediastinal-widening -",
    "Không thấy nốt mờ nghi ngờ u phổi": "lung-tumor - | nodule -",
    "Tăng sáng hai phế trường, vòm hoành hạ thấp": "emphysema + bilateral",
    "Chỉ số tim/lồng ngực > 0,5": "cardiomegaly +",
    "Chỉ số tim lồng ngực < 0,5": "cardiomegaly -",
    "Rốn phổi hai bên đậm": "hilar-enlargement + bilateral",
    "Dày thành phế quản hai bên, theo dõi viêm phế quản": "bronchial-thickening + bilateral | bronchitis ?",
    "Không có tràn dịch nhưng có dày màng phổi phải": "effusion - | pleural-thickening + right",
    "Không tràn dịch màng phổi, bóng tim to": "cardiomegaly + | effusion -",
    "Gãy xương đòn phải": "clavicle-fracture + right",
    "Cột sống ngực vẹo sang phải, thoái hóa cột sống ngực": "scoliosis + right | spinal-degeneration +",
    "Không thấy dụng cụ cản quang": "device -",
    "Đề nghị chụp CLVT ngực": "",
    "Tràn dịch màng phổi: không.": "effusion -",
    "Hai phổi không thấy tổn thương khu trú": "lung-lesion - bilateral",
    "Ống nội khí quản đúng vị trí, sonde dạ dày, catheter tĩnh mạch trung tâm bên phải": "central-venous-catheter + right | endotracheal-tube + | nasogastric-tube +",
    "Vòm hoành phải nâng cao": "elevated-diaphragm + right",
    "Đám mờ không đồng nhất thùy giữa phổi phải": "opacity + right middle",
    "Nhu mô phổi hai bên bình thường": "lung-lesion - bilateral",
    "Khí quản ở giữa": "mediastinal-shift -",
    "Xơ vữa quai động mạch chủ": "aortic-calcification +",
    "Vôi hóa quai ĐMC": "aortic-calcification +",
    "Không thấy hình ảnh bất thường trên phim": "abnormality -",
    "Góc sườn hoành hai bên nhọn": "effusion - bilateral",
    "Tù góc sườn hoành (T)": "effusion + left",
    "Hình ảnh dày tổ chức kẽ dạng lưới hai đáy phổi": "interstitial-disease + bilateral base",
    "Không thấy gãy xương sườn hay xương đòn": "clavicle-fracture - | rib-fracture -",
    "Ứ huyết phổi, theo dõi suy tim": "edema + | heart-failure ?",
    "Động mạch phổi giãn": "pulmonary-artery-enlargement +",
    "Không thấy nốt mờ phổi P. Bóng tim to.": "cardiomegaly + | nodule - right",
    "Không tràn khí màng phổi P. Tràn dịch màng phổi T.": "effusion + left | pneumothorax - right",
    "Không giãn ĐMC. Tràn dịch màng phổi.": "aortic-enlargement - | effusion +",
    "Vôi hóa đm. chủ, td. lao phổi": "aortic-calcification + | tuberculosis ?",
    "Không thấy \u00d0ÁM MỜ, giãn \u00d0MC": "aortic-enlargement - | opacity -",
    "Tràn khí màng phổi trái, trung thất bình thường.": "pneumothorax + left",
    "Viêm phổi, tim bình thường.": "cardiomegaly - | pneumonia +",
    "Viêm phổi và tim bình thường.": "cardiomegaly - | pneumonia +",
    "Gãy xương đòn phải, xương sườn bình thường.": "bone-lesion - | clavicle-fracture + right",
    "Giãn quai động mạch chủ, bóng tim bình thường.": "aortic-enlargement + | cardiomegaly -",
    "Nốt mờ phổi phải, phổi trái bình thường.": "lung-lesion - left | nodule + right",
    "Không thấy rõ góc sườn hoành trái, tràn dịch màng phổi trái lượng nhiều.": "effusion + left severe",
    "Không quan sát rõ đỉnh phổi phải, tràn dịch màng phổi.": "effusion +",
    "Phim chụp không thẳng, bóng tim to.": "cardiomegaly +",
    "Bệnh nhân không hợp tác, tràn dịch màng phổi.": "effusion +",
    "Không có phim cũ để so sánh, đám mờ thùy dưới phổi phải.": "opacity + right lower",
    "Không thấy bất thường trung thất, tràn dịch, tràn khí màng phổi hai bên.": "effusion - bilateral | pneumothorax - bilateral",
    "Không thấy liềm hơi, tràn dịch màng phổi.": "effusion - | pneumoperitoneum -",
    "Không thấy rõ vòm hoành phải, mờ đáy phổi phải.": "opacity + right base",
    "Theo dõi thêm, tràn dịch màng phổi phải.": "effusion + right",
    "Nốt mờ phổi phải bờ không rõ.": "nodule + right",
    "Khối mờ phổi trái, giới hạn không rõ.": "mass + left",
    "Nốt mờ ranh giới không rõ thùy dưới phổi trái.": "nodule + left lower",
    "Nốt mờ không rõ bờ ở phổi phải.": "nodule + right",
    "Khối mờ bờ không đều thùy trên phổi trái.": "mass + left upper",
    "Tràn khí màng phổi phải, nguyên nhân không rõ.": "pneumothorax + right",
    "Tràn dịch màng phổi không rõ.": "effusion -",
    "Không thấy bất thường nhu mô phổi, tràn dịch, tràn khí màng phổi.": "effusion - | lung-lesion - | pneumothorax -",
    "Hai phổi không thấy tổn thương, nốt mờ.": "lung-lesion - bilateral | nodule -",
    "Xương không thấy tổn thương hay gãy xương.": "bone-lesion -",
    "Hai phổi không thấy bất thường, vôi hóa quai động mạch chủ.": "aortic-calcification + | lung-lesion - bilateral",
    "Hai phổi không thấy bất thường và bóng tim to.": "cardiomegaly + | lung-lesion - bilateral",
    "Hai phổi không thấy bất thường, tràn dịch màng phổi trái.": "effusion + left | lung-lesion - bilateral",
    "Hai phổi không thấy tổn thương, viêm phế quản.": "bronchitis + | lung-lesion - bilateral",
    "Tim phổi không thấy bất thường, vẹo cột sống.": "abnormality - | scoliosis +",
    "Chẩn đoán: Lao phổi? U phổi?": "lung-tumor ? | tuberculosis ?",
    "Viêm phổi phải? Tràn dịch màng phổi trái.": "effusion + left | pneumonia ? right",
    "Nốt mờ phổi phải, u phổi?": "lung-tumor ? | nodule + right",
    "Không tràn khí màng phổi, gãy xương sườn 6 bên phải.": "pneumothorax - | rib-fracture + right",
    "Không tràn dịch màng phổi, xẹp phổi trái.": "atelectasis + left | effusion -",
    "Không tràn khí màng phổi, đông đặc thùy dưới phổi phải.": "consolidation + right lower | pneumothorax -",
    "Không TDMP, TKMP (T)": "effusion - left | pneumothorax - left",
    "Không thấy gãy xương sườn hay xương đòn bên phải": "clavicle-fracture - right | rib-fracture - right",
    "Tràn dịch màng phổi phải đã hết.": "effusion - right",
    "Tràn dịch màng phổi phải đã hấp thu hết.": "effusion - right",
    "Tràn khí màng phổi trái đã hết, còn tràn dịch.": "effusion + | pneumothorax - left",
    "Tràn khí màng phổi trái đã hết hoàn toàn": "pneumothorax - left",
    "Tràn khí màng phổi trái hầu như đã hết": "pneumothorax + left",
    "Tràn khí màng phổi trái gần hết": "pneumothorax + left",
    "Tràn khí màng phổi trái chưa hết": "pneumothorax + left",
    "Hầu hết tràn khí ở bên trái": "pneumothorax + left",
    "Tràn dịch màng ngoài tim lượng lớn, tràn khí màng ngoài tim": "",
    "Tràn dịch khí màng phổi trái": "effusion + left | pneumothorax + left",
    "Không thấy tràn dịch màng tim": "",
    "Tràn dịch ổ bụng, tràn dịch khớp vai": "",
    "Tràn dịch màng tim, màng phổi hai bên": "effusion + bilateral",
    "Không thấy xơ phổi, xẹp phổi trái.": "atelectasis - left | fibrosis - left",
    "Không thấy hang phổi, xẹp phổi trái.": "atelectasis - left | cavity - left",
}
_SIGNS = {Polarity.PRESENT: "+", Polarity.ABSENT: "-", Polarity.UNCERTAIN: "?"}


def told(text: str) -> str:
    facts = ((f.finding, _SIGNS[f.polarity], f.side, f.location, f.severity) for f in extract(text))
    return " | ".join(sorted(" ".join(part for part in fact if part) for fact in facts))


@pytest.mark.parametrize(("text", "expected"), SENTENCES.items())
def test_a_sentence_tells_its_facts(text: str, expected: str) -> None:
    assert told(text) == expected


@pytest.mark.parametrize("text", SENTENCES)
def test_capitals_and_decomposed_letters_tell_the_same(text: str) -> None:
    assert extract(text.upper()) == extract(unicodedata.normalize("NFD", text)) == extract(text)


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=200))
def test_no_text_raises(text: str) -> None:
    assert isinstance(extract(text), frozenset)
