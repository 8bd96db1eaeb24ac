"""litellm, which is imported nowhere else, set up for the configured model."""

import logging
import os
from typing import Any

from llmpo.errors import ConfigError, PrerequisiteError
from llmpo.llm.settings import LLMSettings

# Providers whose completion endpoint litellm calls; it sends a text to all others as
# a chat. Further ones are in its `openai_text_completion_compatible_providers`.
_TEXT_PROVIDERS = frozenset(
    {"text-completion-openai", "azure_text", "text-completion-codestral"}
)


def import_litellm() -> Any:
    """Returns litellm, silenced.

    Raises:
        PrerequisiteError: It is not installed.
    """
    # Without this, the import fetches a price table from the network.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    try:
        import litellm
    except ImportError:
        raise PrerequisiteError(
            "Live calls need litellm, which is not installed. "
            "Run: pip install 'llmpo[live]'"
        ) from None
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    # These log addresses, and some providers take the key as part of the address.
    for name in ("httpx", "httpcore", "openai", "LiteLLM"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return litellm


def placeholder_key(litellm: Any, settings: LLMSettings) -> str | None:
    """Returns None where litellm finds the key itself, or "none" for a local server.

    Raises:
        PrerequisiteError: The provider's API key is not in the environment.
    """
    # litellm does not check the text completion provider, which uses the same key.
    model = settings.model.replace("text-completion-openai/", "openai/", 1)
    checked = litellm.validate_environment(model=model)
    # It names alternatives and keys that are set as well; other variables than keys
    # may come from elsewhere, e.g. from a cloud login.
    names = [name for name in checked["missing_keys"] if name.endswith("_API_KEY")]
    if checked["keys_in_environment"] or not names or set(names) & set(os.environ):
        return None
    if settings.api_base is not None:
        return "none"  # local servers want no key, but litellm insists on one
    raise PrerequisiteError(
        f"Calling {settings.model} needs an API key. Set the environment variable "
        f"{' or '.join(names)}, or use recorded answers (llm.mode: replay)."
    )


def prepare_text_completions(litellm: Any, model: str) -> None:
    """Makes litellm ready to ask a model to complete texts.

    Raises:
        ConfigError: litellm would ask in a chat; a chat template around a text to
            complete would change the answers unnoticed.
    """
    if not _completes_texts(litellm, model):
        raise ConfigError(
            f"The method asks {model} to complete a text, but litellm would send that "
            "as a chat. Set the method's interface to chat. For a server that has "
            "/v1/completions, set llm.model to text-completion-openai/NAME or "
            "hosted_vllm/NAME, and llm.api_base."
        )
    if litellm.client_session is None:
        import openai

        # Otherwise each text completion makes a client of its own, with certificates
        # to read and a connection to open: 30 ms of work.
        litellm.client_session = openai.DefaultHttpxClient()


def _completes_texts(litellm: Any, model: str) -> bool:
    try:
        name, provider, *_ = litellm.get_llm_provider(model)
    except litellm.BadRequestError:
        return True  # the call itself will say what is wrong with the name
    if provider == "openai":
        return name not in litellm.open_ai_chat_completion_models
    return (
        provider in _TEXT_PROVIDERS
        or provider in litellm.openai_text_completion_compatible_providers
    )
