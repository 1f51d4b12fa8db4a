"""The sentences of the command line, in English and in Vietnamese; reports are Vietnamese in both."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from serve_app.client import ClientError, ProblemError
from serve_app.settings import prefers_vietnamese


@dataclass(frozen=True, slots=True)
class Words:
    """Every sentence of the commands that a reader of reports uses; braces are filled in."""

    language: str
    """Its tag of RFC 5646: the server writes the titles of problems in it."""
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
    require_keys: str
    tls: str
    image: str
    age: str
    sex: str
    view: str
    confirm: str
    correct: str
    url: str
    key: str
    key_file: str
    ca_file: str
    as_json: str
    is_up: str
    """{url} is the address, {metrics} that of the metrics."""
    is_open: str
    make_key: str
    """{command} is what to type."""
    trust: str
    """{curl} is what to type, {names} what the certificate is for."""
    try_it: str
    """{command} is what to type."""
    go_on: str
    """{up} and {report} are what to type, in two terminals."""
    statuses: Mapping[str, str] = field(default_factory=dict)
    """What a section that is not whole is, by its status; one that is not here is written as it is."""
    gate: Mapping[str, str] = field(default_factory=dict)
    """What the gate decided about image {number}, by the outcome."""
    look_again: str = ""
    """The heading of the concerns."""
    concerns: Mapping[str, str] = field(default_factory=dict)
    """What a check of the draft found, by the code."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """How the client itself failed, by the code."""

    def failure(self, error: ClientError) -> str:
        """Write what went wrong: in Vietnamese the kind comes first, for details are English everywhere."""
        detail = _as_options(str(error))
        if self.language == "en":
            return detail
        kind = error.problem.title if isinstance(error, ProblemError) else self.failures[error.code]
        return f"{kind} ({detail})"


def _as_options(detail: str) -> str:
    """Name the options of the command where a detail, written for programs, names the fields of the form."""
    detail = re.sub(
        r"send it to POST /v1/reports with the form field (\w+)=true", r"repeat the command with --\1", detail
    )
    return re.sub(r"the form field (\w+)", r"the option --\1", detail)


ENGLISH = Words(
    language="en",
    app="CLARA drafts chest X-ray reports in Vietnamese.",
    up="Start the platform on this machine and keep it up until Ctrl-C.",
    demo="Start the platform, draft one report on a drawn X-ray, stop, and say how to go on.",
    report="Draft a report on one image, streaming it as it is written.",
    version="Print the platform's version.",
    config="Settings as YAML; differences from the defaults only.",
    host="Address to listen on; beyond loopback only with --require-keys and --tls.",
    port="TCP port of the HTTP door.",
    metrics_port="TCP port of the Prometheus metrics.",
    engine="What answers: overrides engine.backend of the settings.",
    proxy="What stands at the door; haproxy must be installed.",
    require_keys="Ask every caller for an API key or a token: overrides access.mode of the settings.",
    tls="Speak HTTPS only, with a certificate made here for trying; not with haproxy.",
    image="PNG, JPEG or DICOM file.",
    age="Age in years, or with a unit: 6 tháng, 3 ngày.",
    sex="nam, nữ or khác.",
    view="PA, AP, thẳng or lateral.",
    confirm="Vouch that this is a chest X-ray; recorded in the report.",
    correct="Invert or turn a film that is inverted or rotated; recorded in the report.",
    url="Where the platform is.",
    key="Your API key. Other users of this machine see it in the process list: better set the variable.",
    key_file="File that holds the API key.",
    ca_file="PEM file of the certificate authorities to trust instead of the usual ones.",
    as_json="Print the whole report as JSON.",
    is_up="[bold green]CLARA is up[/] at {url}  (API: {url}/docs, metrics: {metrics})",
    is_open="Open mode: nobody is asked for a key. Only this machine reaches it, by a loopback address only.\n"
    "--require-keys changes that.",
    make_key="Every caller needs a key. Make one: {command}\nand put it into the variable CLARA_API_KEY.",
    trust="The certificate is for {names}. Trust it with: {curl}\n`clara report` takes the same file as --ca-file.",
    try_it="Try: {command}",
    go_on="Go on: [bold]{up}[/] in one terminal, and in another\n       [bold]{report}[/]",
    gate={
        "confirm": "image {number} may not be a chest X-ray; you confirmed it",
        "refuse": "image {number} does not look like a chest X-ray; you confirmed it",
        "unjudged": "nobody has checked that image {number} is a chest X-ray: the gate cannot judge this view",
    },
    look_again="LOOK AGAIN (automatic check of the text)",
    concerns={
        "polarity-disagrees": "stated in one section, denied in the other",
        "side-disagrees": "the sides differ",
        "place-disagrees": "the places differ",
        "degree-disagrees": "the degrees differ",
        "contradicts-itself": "stated and denied in the same section",
        "unsupported": "no finding supports it",
        "dropped": "missing from the impression",
        "side-missing": "left or right is not named",
        "prior-mentioned": "compares with an image that nobody sent",
        "not-a-report": "not the text of a report",
        "not-understood": "no fact could be read here",
        "section-incomplete": "the section is not whole",
        "drawn-from-incomplete": "drawn from findings that are not whole",
    },
)

VIETNAMESE = Words(
    language="vi",
    app="CLARA soạn bản nháp kết quả X-quang ngực bằng tiếng Việt.",
    up="Khởi động hệ thống trên máy này và chạy cho đến khi nhấn Ctrl-C.",
    demo="Khởi động hệ thống, soạn một bản nháp từ phim X-quang vẽ sẵn, dừng lại và chỉ cách dùng tiếp.",
    report="Soạn bản nháp kết quả cho một ảnh, hiện dần trong khi viết.",
    version="In phiên bản của hệ thống.",
    config="Tệp cấu hình YAML; chỉ ghi những gì khác mặc định.",
    host="Địa chỉ để lắng nghe; ngoài loopback chỉ khi có --require-keys và --tls.",
    port="Cổng TCP của HTTP.",
    metrics_port="Cổng TCP của số liệu Prometheus.",
    engine="Bộ máy trả lời: thay cho engine.backend trong cấu hình.",
    proxy="Proxy ở cổng vào; muốn dùng haproxy phải cài sẵn.",
    require_keys="Yêu cầu mọi nơi gọi có khóa API hoặc token: thay cho access.mode trong cấu hình.",
    tls="Chỉ dùng HTTPS, với chứng chỉ thử nghiệm tạo tại đây; không dùng cùng haproxy.",
    image="Tệp PNG, JPEG hoặc DICOM.",
    age="Tuổi theo năm, hoặc kèm đơn vị: 6 tháng, 3 ngày.",
    sex="nam, nữ hoặc khác.",
    view="PA, AP, thẳng hoặc lateral (nghiêng).",
    confirm="Xác nhận đây là phim X-quang ngực; bản nháp ghi lại điều này.",
    correct="Đảo lại phim âm bản hoặc xoay lại phim bị xoay; bản nháp ghi lại điều này.",
    url="Địa chỉ của hệ thống.",
    key="Khóa API của bạn. Người dùng khác trên máy này thấy nó trong danh sách tiến trình: nên đặt biến môi trường.",
    key_file="Tệp chứa khóa API.",
    ca_file="Tệp PEM gồm các tổ chức cấp chứng chỉ được tin cậy, thay cho danh sách thường dùng.",
    as_json="In toàn bộ bản nháp dưới dạng JSON.",
    is_up="[bold green]CLARA đang chạy[/] tại {url}  (API: {url}/docs, số liệu: {metrics})",
    is_open="Chế độ mở: không ai bị hỏi khóa. Chỉ máy này truy cập được hệ thống, chỉ qua địa chỉ loopback.\n"
    "--require-keys thay đổi điều đó.",
    make_key="Mọi nơi gọi đều cần khóa. Tạo khóa: {command}\nrồi đặt vào biến CLARA_API_KEY.",
    trust="Chứng chỉ dành cho {names}. Tin cậy bằng: {curl}\n`clara report` nhận cùng tệp đó qua --ca-file.",
    try_it="Thử: {command}",
    go_on="Tiếp theo: chạy [bold]{up}[/] trong một cửa sổ dòng lệnh, và trong một cửa sổ khác\n"
    "           [bold]{report}[/]",
    statuses={"truncated": "bị cắt ngang", "empty": "để trống", "looping": "bị lặp lại"},
    gate={
        "confirm": "ảnh {number} có thể không phải X-quang ngực; bạn đã xác nhận",
        "refuse": "ảnh {number} không giống X-quang ngực; bạn đã xác nhận",
        "unjudged": "chưa ai kiểm tra ảnh {number} có phải X-quang ngực: bộ kiểm tra không đánh giá được tư thế này",
    },
    look_again="CẦN XEM LẠI (kiểm tra tự động phần văn bản)",
    concerns={
        "polarity-disagrees": "một phần ghi có, phần kia ghi không",
        "side-disagrees": "khác bên",
        "place-disagrees": "khác vị trí",
        "degree-disagrees": "khác mức độ",
        "contradicts-itself": "mâu thuẫn trong cùng một phần",
        "unsupported": "không có mô tả nào làm cơ sở",
        "dropped": "không có trong kết luận",
        "side-missing": "không ghi bên phải hay bên trái",
        "prior-mentioned": "so sánh với phim không được gửi",
        "not-a-report": "không phải nội dung kết quả X-quang",
        "not-understood": "không đọc được dữ kiện nào",
        "section-incomplete": "phần này chưa trọn vẹn",
        "drawn-from-incomplete": "rút ra từ phần mô tả chưa trọn vẹn",
    },
    failures={
        "unreachable": "Không kết nối được: hệ thống đã chạy chưa?",
        "client-deadline-exceeded": "Quá thời hạn chờ.",
        "incomplete": "Kết nối bị ngắt trước khi bản nháp hoàn tất.",
        "not-the-platform": "Nơi trả lời ở địa chỉ này không phải là CLARA.",
    },
)


def preferred() -> Words:
    """Choose the words that the environment asks for."""
    return VIETNAMESE if prefers_vietnamese() else ENGLISH
