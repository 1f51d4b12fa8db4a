"""How a call can fail. No message holds a word of the patient beyond what the server wrote as its detail."""

from .schemas import Problem


class ClientError(Exception):
    """The call did not end in an answer; `code` is stable, `request_id` names the call in the server's log."""

    code = "client-error"

    def __init__(self, message: str, request_id: str = "") -> None:
        super().__init__(message, request_id)
        self.message = message
        self.request_id = request_id

    def __str__(self) -> str:
        return self.message


class ProblemError(ClientError):
    """The server answered with a problem, or ended the stream with one.

    `retry_after_s` is its header Retry-After as seconds from now; null where it gave none.
    """

    def __init__(self, problem: Problem, retry_after_s: float | None = None) -> None:
        super().__init__(problem.detail, problem.request_id)
        # What pickle calls the class with.
        self.args = (problem, retry_after_s)
        self.problem = problem
        self.code = problem.code
        self.retry_after_s = retry_after_s


class Unreachable(ClientError):
    """No connection came about: the platform is down, or the address is wrong."""

    code = "unreachable"


class DeadlineExceeded(ClientError):
    """The caller's own deadline passed first."""

    code = "client-deadline-exceeded"


class IncompleteAnswer(ClientError):
    """The connection ended before the answer was whole: what came of it is not a report."""

    code = "incomplete"


class UnexpectedAnswer(ClientError):
    """Something answers there, but not as this version of the platform does."""

    code = "not-the-platform"
