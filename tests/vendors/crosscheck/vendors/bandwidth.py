"""Bandwidth: HTTP Basic. The bodies are made by the models of its Python package; the Node package has types alone."""

from datetime import UTC, datetime, timedelta

from ..catalogue import Vendor
from .credentials import Basic, Independent, declare


def secrets(draw):
    return {
        "default": {"username": draw.word(), "password": draw.secret(24)},
        "rotating": {"username": draw.word(), "password": draw.secret(24), "password_previous": draw.secret(24)},
        # A password may have colons and letters of any kind (RFC 7617, 2.1).
        "odd": {"username": f"{draw.word()} é", "password": f"{draw.secret(8)}:ключ:{draw.secret(8)}"},
    }


def moment(draw):
    return datetime(2026, 2, 12, 12, tzinfo=UTC) + timedelta(milliseconds=draw.randrange(10**8))


def body(context):
    from bandwidth import models

    draw = context.draw
    common = {
        "event_time": moment(draw),
        "account_id": "55555555",
        "application_id": draw.uuid(),
        "var_from": draw.phone(),
        "to": draw.phone(),
        "direction": draw.choice(["inbound", "outbound"]),
        "call_id": draw.few("c-95ac8d6e-1a31c52e-b38f-4198-93c1-51633ec6"),
        "start_time": moment(draw),
    }
    match draw.randrange(4):
        case 0:
            event = models.InitiateCallback(event_type="initiate", **common)
        case 1:
            cause = draw.choice(["hangup", "busy", "timeout", "cancel", "rejected", "new-cause"])
            event = models.DisconnectCallback(event_type="disconnect", cause=cause, end_time=moment(draw), **common)
        case 2:
            event = models.AnswerCallback(event_type="answer", answer_time=moment(draw), **common)
        case _:
            tag = draw.text()[:100]
            event = models.TransferCompleteCallback(event_type="transferComplete", tag=tag, cause="busy", **common)
    return [("Content-Type", "application/json")], event.model_dump_json(by_alias=True, exclude_none=True).encode()


def packages(environment):
    return [Independent(f"bandwidth-sdk {environment.python_version('bandwidth-sdk')} (Python models)", [Basic()])]


vendor = Vendor("bandwidth", "bandwidth", secrets, packages)
declare(vendor, {"basic": Basic()}, {"default": "basic", "rotating": "basic", "odd": "basic"}, body)
