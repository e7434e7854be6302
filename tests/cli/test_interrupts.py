"""Ctrl-C on the command line, whatever a library makes of it."""

import signal
import sys

import pytest

from nstyle.cli import app


@pytest.mark.parametrize("error", [ImportError("cannot load module more than once per process"), KeyboardInterrupt()])
def test_ctrl_c_ends_with_130_and_no_error_of_a_library_that_it_hit(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*, debug: bool) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise error from None

    monkeypatch.setattr(app, "_run", interrupted)
    monkeypatch.setattr(app, "take_streams", lambda: None)
    monkeypatch.setattr(sys, "argv", ["nstyle"])
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert ended.value.code == 130
    assert capsys.readouterr().err == ""
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
