"""One module a scheme: the requests, the ways to tamper with them, and the packages that sign and verify."""

from . import bandwidth, cloudevents, plivo, signalwire, standard_webhooks, telnyx, tokens, twilio, vonage_token

ALL = [
    twilio.vendor,
    signalwire.vendor,
    telnyx.vendor,
    vonage_token.vendor,
    plivo.vendor,
    bandwidth.vendor,
    *tokens.vendors,
    *standard_webhooks.vendors,
    cloudevents.vendor,
]
