"""What the command line writes, in English and in Vietnamese; the report itself is Vietnamese in both."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from serve_app.settings import prefers_vietnamese


@dataclass(frozen=True, slots=True)
class Words:
    """Every sentence of the commands that a reader of reports uses; braces are filled in."""

    app: str
    up: str
    demo: str
    report: str
    version: str
    config: str
    host: str
    port: str
    metrics_port: str
    engine: str
    proxy: str
    image: str
    age: str
    sex: str
    view: str
    confirm: str
    url: str
    as_json: str
    is_up: str
    """{url} is the address, {metrics} that of the metrics."""
    try_it: str
    """{command} is what to type."""
    is_stopping: str
    go_on: str
    """{up} and {report} are what to type, in two terminals."""
    statuses: Mapping[str, str] = field(default_factory=dict)
    """What a section that is not whole is, by its status; one that is not here is written as it is."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """What went wrong, by the problem's code; the server's own sentence follows."""

    def failure(self, code: str, detail: str) -> str:
        """Write what went wrong."""
        return f"{self.problems[code]} ({detail})" if code in self.problems else detail


ENGLISH = Words(
    app="CLARA drafts chest X-ray reports in Vietnamese.",
    up="Start the platform on this machine and keep it up until Ctrl-C.",
    demo="Start the platform, draft one report on a drawn X-ray, stop, and say how to go on.",
    report="Draft a report on one image, streaming it as it is written.",
    version="Print the platform's version.",
    config="Settings as YAML; differences from the defaults only.",
    host="Loopback address to listen on.",
    port="TCP port of the HTTP door.",
    metrics_port="TCP port of the Prometheus metrics.",
    engine="What answers: overrides engine.backend of the settings.",
    proxy="What stands at the door; haproxy must be installed.",
    image="PNG, JPEG or DICOM file.",
    age="Age in years.",
    sex="nam or nữ.",
    view="PA, AP or lateral.",
    confirm="Vouch that this is a chest X-ray; recorded in the report.",
    url="Where the platform is.",
    as_json="Print the whole report as JSON.",
    is_up="[bold green]CLARA is up[/] at {url}  (API: {url}/docs, metrics: {metrics})",
    try_it="Try: {command}",
    is_stopping="Stopping.",
    go_on="Go on: [bold]{up}[/] in one terminal, and in another\n       [bold]{report}[/]",
)

VIETNAMESE = Words(
    app="CLARA soạn bản nháp kết quả X-quang ngực bằng tiếng Việt.",
    up="Khởi động hệ thống trên máy này và chạy cho đến khi nhấn Ctrl-C.",
    demo="Khởi động hệ thống, soạn một bản nháp từ phim X-quang vẽ sẵn, dừng lại và chỉ cách dùng tiếp.",
    report="Soạn bản nháp kết quả cho một ảnh, hiện dần trong khi viết.",
    version="In phiên bản của hệ thống.",
    config="Tệp cấu hình YAML; chỉ ghi những gì khác mặc định.",
    host="Địa chỉ loopback để lắng nghe.",
    port="Cổng TCP của HTTP.",
    metrics_port="Cổng TCP của số liệu Prometheus.",
    engine="Bộ máy trả lời: thay cho engine.backend trong cấu hình.",
    proxy="Proxy ở cổng vào; muốn dùng haproxy phải cài sẵn.",
    image="Tệp PNG, JPEG hoặc DICOM.",
    age="Tuổi, tính bằng năm.",
    sex="nam hoặc nữ.",
    view="PA, AP hoặc lateral (nghiêng).",
    confirm="Xác nhận đây là phim X-quang ngực; bản nháp ghi lại điều này.",
    url="Địa chỉ của hệ thống.",
    as_json="In toàn bộ bản nháp dưới dạng JSON.",
    is_up="[bold green]CLARA đang chạy[/] tại {url}  (API: {url}/docs, số liệu: {metrics})",
    try_it="Thử: {command}",
    is_stopping="Đang dừng.",
    go_on="Tiếp theo: chạy [bold]{up}[/] trong một cửa sổ dòng lệnh, và trong một cửa sổ khác\n"
    "           [bold]{report}[/]",
    statuses={"truncated": "bị cắt ngang", "empty": "để trống", "looping": "bị lặp lại"},
    problems={
        "bad-request": "Yêu cầu không hợp lệ.",
        "invalid-form": "Biểu mẫu không hợp lệ.",
        "invalid-patient": "Tuổi, giới tính hoặc tư thế chụp không hợp lệ.",
        "invalid-study": "Các ảnh gửi lên không hợp thành một lần khám.",
        "unsupported-study": "Mô hình không được dạy để đọc loại khám này.",
        "contradictory-study": "Biểu mẫu và tệp ảnh mâu thuẫn nhau về người bệnh hoặc tư thế chụp.",
        "empty-upload": "Tệp gửi lên không có nội dung.",
        "not-an-image": "Tệp không phải là ảnh PNG, JPEG hay DICOM.",
        "corrupt-image": "Ảnh bị hỏng hoặc thiếu dữ liệu.",
        "unsupported-image": "Loại ảnh này chưa được hỗ trợ.",
        "unsupported-media-type": "Ảnh phải được gửi trong biểu mẫu multipart/form-data.",
        "unsupported-transfer-syntax": "Kiểu nén DICOM này chưa được hỗ trợ.",
        "upload-too-large": "Tệp quá lớn.",
        "request-timeout": "Ảnh không được gửi đến kịp thời.",
        "not-a-chest-xray": "Ảnh không giống phim X-quang ngực.",
        "needs-confirmation": "Ảnh có thể không phải phim X-quang ngực: thêm --confirm nếu chắc chắn.",
        "unavailable": "Hệ thống tạm thời không phục vụ được: hãy thử lại sau.",
        "engine-gone": "Bộ máy đã dừng trong khi đang viết bản nháp này.",
        "overloaded": "Đang có quá nhiều yêu cầu chờ: hãy thử lại sau.",
        "deadline-exceeded": "Bản nháp không xong trong thời hạn của hệ thống.",
        "internal-error": "Hệ thống gặp lỗi.",
        "unreachable": "Không kết nối được: hệ thống đã chạy chưa?",
        "client-deadline-exceeded": "Quá thời hạn chờ.",
        "incomplete": "Kết nối bị ngắt trước khi bản nháp hoàn tất.",
        "not-the-platform": "Địa chỉ này không phải là của CLARA.",
    },
)


def preferred() -> Words:
    """Choose the words that the environment asks for."""
    return VIETNAMESE if prefers_vietnamese() else ENGLISH
