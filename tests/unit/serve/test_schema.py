"""The service keeps to its OpenAPI description, whatever schemathesis makes of it."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from fashionlab.serve.app import build_app
from fashionlab.serve.limits import Limits
from fashionlab.serve.service import Service


@pytest.mark.parametrize("mode", GenerationMode)
def test_schemathesis_finds_nothing(toy_artifact, mode):
    app = build_app(Service(str(toy_artifact), Limits(pictures=4), threads=1), hosts=["localhost", "testserver"])
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) == 6
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and operation.label != "POST /v1/predict":
            continue  # they take nothing that could be wrong

        @settings(max_examples=20, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case):
            # No schema can say which strings are pictures: those that are none are refused.
            case.call_and_validate(excluded_checks=[positive_data_acceptance])

        check()
