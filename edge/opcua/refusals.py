"""What went wrong with a server, in words for whoever has to mend it."""

from asyncua import ua
from cryptography.exceptions import InvalidSignature

from edge.config.opcua import OpcUaConnection

_USER_REFUSED = {
    "BadUserAccessDenied",
    "BadIdentityTokenInvalid",
    "BadIdentityTokenRejected",
    "BadUserSignatureInvalid",
}


def cause(error: Exception, config: OpcUaConnection) -> str:
    """The error and its cure, for the end of a sentence that names the server."""
    if isinstance(error, ua.UaStatusCodeError):
        return _refused(type(error).__name__, str(error))
    if isinstance(error, TimeoutError):
        silent = f"no answer within {config.timeout_s:g} s; check the address and the network"
        return silent + _perhaps(config)
    if isinstance(error, ConnectionError) and not isinstance(error, ConnectionRefusedError):
        return f"the connection was closed ({error}){_perhaps(config)}"
    if isinstance(error, OSError):
        return f"no OPC UA server answers ({error}); check the address, and that it runs"
    return _senseless(error, config)


def _perhaps(config: OpcUaConnection) -> str:
    """What some servers keep to themselves."""
    if config.security_policy == "None":
        return ""
    return (
        "; some servers say no more than that when they do not trust our certificate, have another"
        f" one than server_certificate, or do not offer {config.security_policy} with"
        f" {config.security_mode}"
    )


def _refused(name: str, text: str) -> str:
    if name in _USER_REFUSED:
        return f"the server refuses the user ({name}); check username and password_file"
    if name == "BadTooManySessions":
        return f"the server has no session free ({name}); close one, or allow it more"
    if name.startswith("BadCertificate") or "Security" in name:
        return (
            f"the server refuses our certificate ({name}); have the server trust it, and check both"
            " sides' clocks"
        )
    return f"the server refuses ({name}: {text})"


def _senseless(error: Exception, config: OpcUaConnection) -> str:
    said = f"{type(error).__name__}: {error}".removesuffix(": ")
    if isinstance(error, InvalidSignature) or "ertificate mismatch" in said:
        return "the server shows another certificate than server_certificate"
    if "No matching endpoints" in said:
        return (
            f"the server offers no {config.security_policy} with {config.security_mode}; switch it"
            " on there, or choose another security_policy"
        )
    return f"its answer makes no sense ({said}); is it an OPC UA server?"
