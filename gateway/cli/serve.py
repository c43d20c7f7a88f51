"""`orderline serve`: the gateway in front of the systems a configuration names."""

import os
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path

import structlog

from gateway.app import create_app
from gateway.cli.server import StartFailedError, listen, run, serve_until_told
from gateway.settings import Settings, SettingsError, load_settings


def run_serve(config: Path) -> None:
    """Serve until told to stop.

    Raises:
        SettingsError: The configuration is wrong, or would open an unfinished gateway.
        AddressInUseError: The port is taken.
        GatewayError: A system of the configuration cannot be used.
    """
    settings = load_settings(config, os.environ)
    refuse_to_be_reached(settings)
    application = create_app(settings)
    with closing(listen(settings.gateway.host, settings.gateway.port)) as listener:
        port = listener.getsockname()[1]

        def announce() -> None:
            structlog.get_logger().info("serving", host=settings.gateway.host, port=port)

        try:
            run(
                serve_until_told(
                    application,
                    listener,
                    deadline_s=settings.gateway.deadline_s,
                    tls=settings.gateway.tls,
                    drain_delay_s=settings.gateway.drain_delay_s,
                    on_ready=announce,
                    on_stop=application.drain,
                )
            )
        except StartFailedError as error:
            raise application.failure or error from error


def refuse_to_be_reached(settings: Settings) -> None:
    """Refuse to listen where others could listen in, or where nobody could be known.

    Raises:
        SettingsError: The host is not a loopback address, and something is missing.
    """
    host = settings.gateway.host
    try:
        is_loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if is_loopback:
        return
    if settings.auth.pepper is None and settings.auth.oidc is None:
        msg = (
            f"The gateway does not listen on {host} (`$.gateway.host`) while nobody could be "
            "known: give it `$.auth.pepper` for API keys, or `$.auth.oidc` for tokens."
        )
        raise SettingsError(msg)
    if settings.gateway.tls is None and not settings.gateway.behind_proxy:
        msg = (
            f"The gateway does not listen on {host} (`$.gateway.host`) without TLS, where keys "
            "could be read on the way: give it `$.gateway.tls`, or say "
            "`behind_proxy = true` if something in front of it speaks TLS."
        )
        raise SettingsError(msg)
