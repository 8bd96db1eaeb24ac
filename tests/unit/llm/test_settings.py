import pytest
from pydantic import ValidationError

from llmpo.llm.settings import Budget, LLMSettings


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"models": "x"}, "models"),
        ({"mode": "record"}, "replay"),
        ({"concurrency": 0}, "greater"),
        ({"params": {"n": 5}}, "n cannot be sampling parameters"),
        ({"params": {"api_key": "sk-secret-1"}}, "api_key"),
        ({"params": {"stop": {1, 2}}}, "plain JSON"),
        ({"params": {"temperature": float("nan")}}, "plain JSON"),
        ({"api_key": "sk-secret-1"}, "environment variable"),
        ({"api_base": "localhost:8000"}, "http://host:port"),
        ({"api_base": "http://me:sk-secret-1@host/v1"}, "environment variable"),
        ({"mode": "mock"}, "mock_script"),
    ],
)
def test_settings_refuse_what_they_cannot_mean(fields, words):
    with pytest.raises(ValidationError) as caught:
        LLMSettings.model_validate({"model": "openai/m"} | fields)
    assert words in str(caught.value)
    assert "sk-secret-1" not in str(caught.value)


@pytest.mark.parametrize("model", [LLMSettings, Budget])
def test_every_setting_is_described(model):
    for name, field in model.model_fields.items():
        assert field.description, name
