"""Registers the resource providers that nodes need with the subscription.

A new subscription refuses the first Container Apps environment with MissingSubscriptionRegistration, and azure-native
does not register resource providers. Registration is idempotent and free. It is not undone on destroy, since other
resources in the subscription may depend on it.
"""

from __future__ import annotations

from typing import Any

import pulumi
import tenacity

from providers.azure.arm import Arm, ArmError
from providers.azure.services import SERVICES
from providers.refusal import Refusal
from providers.resource import Resource, TokenProvider

_VERSION = "2021-04-01"
_WAIT_SECONDS = 900


class RegistrationError(Refusal):
    """A resource provider could not be registered. The sentence says why and what to do."""


class RegistrationProvider(TokenProvider):
    """Registers `services` with `subscription` and waits until they are registered."""

    compared, suffix = ("subscription", "services"), "services"

    def apply(self, props: dict[str, Any]) -> dict[str, Any]:
        arm = Arm(props["token"])
        for service in props["services"]:
            path = f"/subscriptions/{props['subscription']}/providers/{service}"
            try:
                if arm.get(path, _VERSION)["registrationState"] != "Registered":
                    arm.post(f"{path}/register", _VERSION)
                    _await_registered(arm, path)
            except ArmError as error:
                raise RegistrationError(
                    f"{service} is not registered with this subscription, and registering it failed: {error}. Expected "
                    "an identity that may register resource providers; the subscription's owner can run `az provider "
                    f"register --namespace {service}`."
                ) from error
            except tenacity.RetryError as error:
                raise RegistrationError(f"{service} is still being registered; run `pulumi up` again") from error
        return {}


@tenacity.retry(
    retry=tenacity.retry_if_result(lambda state: state != "Registered"),
    wait=tenacity.wait_fixed(5),
    stop=tenacity.stop_after_delay(_WAIT_SECONDS),
)
def _await_registered(arm: Arm, path: str) -> str:
    return str(arm.get(path, _VERSION)["registrationState"])


class Registration(Resource, module="prediction-nodes", name="AzureServices"):
    """The registration of `SERVICES` with a subscription."""

    def __init__(
        self, name: str, subscription: pulumi.Input[str], token: pulumi.Input[str], opts: pulumi.ResourceOptions
    ) -> None:
        props = {"subscription": subscription, "services": list(SERVICES), "token": pulumi.Output.secret(token)}
        super().__init__("azure-services", name, props, opts)
