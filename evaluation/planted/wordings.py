"""The words that errors are planted in: one set to tune the check with, another that is only scored.

The check's own author wrote both, so the second shows how the check does on other words, not on other people's. No miss
of the second was looked at to mend the check.
"""

from dataclasses import dataclass

from serve_app.domain.facts import Finding
from serve_app.reasoning.prompts import PROMPTS


@dataclass(frozen=True, slots=True)
class Wordings:
    """`negations` stand before a finding; `denials` replace it where it is not denied by a word before it.

    `comparisons` and `no_reports` are lines of their own, `afterthoughts` continue a line; a suspicion stands before a
    diagnosis and may be empty.
    """

    negations: tuple[str, ...]
    denials: dict[Finding, tuple[str, ...]]
    suspicions: tuple[str, ...]
    diagnoses: dict[Finding, tuple[str, ...]]
    comparisons: tuple[str, ...]
    afterthoughts: tuple[str, ...]
    no_reports: tuple[str, ...]


TUNING = Wordings(
    negations=("không thấy", "không có"),
    denials={
        Finding.CARDIOMEGALY: ("bóng tim không to", "tim không to"),
        Finding.MEDIASTINAL_SHIFT: ("trung thất không di lệch",),
        Finding.ELEVATED_DIAPHRAGM: ("vòm hoành hai bên bình thường",),
        Finding.AORTIC_ENLARGEMENT: ("quai động mạch chủ bình thường",),
        Finding.AORTIC_CALCIFICATION: ("quai động mạch chủ không vôi hóa",),
    },
    suspicions=("", "theo dõi", "nghi"),
    diagnoses={
        Finding.PNEUMONIA: ("viêm phổi",),
        Finding.TUBERCULOSIS: ("lao phổi",),
        Finding.LUNG_TUMOR: ("u phổi",),
        Finding.HEART_FAILURE: ("suy tim",),
        Finding.COPD: ("COPD",),
    },
    comparisons=(
        "So với phim cũ, tổn thương không thay đổi.",
        "Tổn thương tiến triển so với lần chụp trước.",
        "Không thay đổi so với phim ngày 12/03.",
        "Dịch màng phổi giảm hơn so với trước.",
        "Đám mờ lớn hơn so với phim trước.",
        "So với ảnh chụp trước: ổn định.",
        "Hình ảnh cải thiện hơn so với lần trước.",
        "Tổn thương mới xuất hiện so với phim cũ.",
        "Phim chụp trước đây chưa thấy tổn thương này.",
        "So với kết quả ngày 01/02 không có tiến triển.",
        "Tràn dịch màng phổi giảm rõ.",
        "Bóng tim to như cũ.",
        "Hiện không còn tràn khí màng phổi.",
    ),
    afterthoughts=(", không thay đổi so với phim cũ", ", tiến triển hơn", ", đã giảm so với lần trước"),
    no_reports=(
        "Xin lỗi, tôi không thể mô tả hình ảnh này.",
        "I'm sorry, but I can't help with interpreting medical images.",
        "The lungs are clear. There is no pleural effusion or pneumothorax. The heart is not enlarged.",
        "Là một mô hình ngôn ngữ, tôi không thể đưa ra chẩn đoán. Hãy gặp bác sĩ.",
        "双肺纹理清晰，心影不大，未见明显异常。",
        "Легкие без очаговых изменений. Сердце не увеличено.",
        "Les poumons sont clairs. Pas d'epanchement pleural visible sur ce cliche.",
        PROMPTS["clara-vi-1"].impression,
        "Ảnh chụp X-ray Chụp Xquang tim phổi thẳng bệnh nhân Nam. Cho biết bệnh nhân bị gì?",
        "<|im_start|>assistant",
    ),
)

HELD_OUT = Wordings(
    negations=("chưa ghi nhận", "không quan sát thấy", "chưa phát hiện", "không có hình ảnh"),
    denials={
        Finding.CARDIOMEGALY: ("hình tim không lớn", "kích thước tim bình thường", "chỉ số tim lồng ngực < 0,5"),
        Finding.MEDIASTINAL_SHIFT: ("trung thất cân đối", "khí quản nằm giữa"),
        Finding.ELEVATED_DIAPHRAGM: ("vòm hoành hai bên không nâng cao", "vòm hoành hai bên đều, rõ nét"),
        Finding.AORTIC_ENLARGEMENT: ("cung động mạch chủ không giãn",),
        Finding.AORTIC_CALCIFICATION: ("cung động mạch chủ chưa thấy vôi hóa",),
    },
    suspicions=("", "nghĩ nhiều đến", "gợi ý", "không loại trừ", "hình ảnh phù hợp"),
    diagnoses={
        Finding.PNEUMONIA: ("viêm phổi thùy", "viêm phế quản phổi"),
        Finding.TUBERCULOSIS: ("lao phổi đang tiến triển", "lao phổi"),
        Finding.LUNG_TUMOR: ("ung thư phổi", "u phổi nguyên phát"),
        Finding.HEART_FAILURE: ("suy tim ứ huyết", "suy tim trái"),
        Finding.COPD: ("bệnh phổi tắc nghẽn mạn tính",),
    },
    comparisons=(
        "Đối chiếu phim tháng trước: đám mờ thu nhỏ.",
        "Tràn dịch đã giảm nhiều so với lần chụp hôm qua.",
        "Hình ảnh ổn định so với phim ngày 05/10/2025.",
        "Tổn thương nhu mô phổi có xu hướng tiến triển.",
        "Không còn thấy tràn khí màng phổi như lần chụp trước.",
        "Đám mờ tăng kích thước so với trước.",
        "Chưa thấy thay đổi đáng kể.",
        "Tổn thương cũ không thay đổi.",
        "Diễn tiến tốt hơn so với phim trước mổ.",
        "Dịch màng phổi đã hấp thu một phần so với trước điều trị.",
        "Không có gì mới so với lần khám trước.",
        "Đám mờ đáy phổi vẫn còn, không thuyên giảm.",
    ),
    afterthoughts=(
        ", giảm so với phim trước",
        ", như cũ",
        ", tăng thêm",
        ", ổn định so với phim cũ",
        ", đang thoái lui",
    ),
    no_reports=(
        "Tôi rất tiếc nhưng tôi không được phép đưa ra nhận định y khoa từ hình ảnh.",
        "Hình ảnh này nằm ngoài khả năng của tôi, vui lòng hỏi bác sĩ chuyên khoa.",
        "As an AI assistant I am not able to provide a diagnosis.",
        "There is a right lower lobe consolidation with a small parapneumonic effusion.",
        "Cardiomegaly with pulmonary venous congestion. No pneumothorax.",
        "Im linken Unterfeld zeigt sich eine Verschattung. Kein Pneumothorax.",
        "No se observan alteraciones pleuroparenquimatosas.",
        "흉부 엑스선 사진에서 특이 소견이 없습니다.",
        "胸部X線写真に異常は認められません。",
        "Kết luận từ thông tin trên bệnh nhân bị gì",
        "Ảnh chụp X-ray Chụp Xquang tim phổi nghiêng bệnh nhân Nữ, 61 tuổi.",
        "<|vision_start|><|image_pad|><|vision_end|>",
        "Dạ chào bạn, bạn có thể gửi thêm thông tin được không ạ?",
    ),
)
