"""The form of a connection in Airflow's own pages, in a browser: its fields, the test button, and what is seen after saving."""

import os
from pathlib import Path

import pytest

from e3db_connectors.airflow.get_provider_info import get_provider_info

pytestmark = pytest.mark.timeout(900)  # the first one waits for Airflow to start

[TYPE] = get_provider_info()["connection-types"]
SECRET_FIELDS = {"API secret", "Private key", "Private signing key", "Credentials (JSON)"}
IMAGES = Path(__file__).parents[3] / "docs" / "images"
RENEW = os.environ.get("E3DB_SCREENSHOTS") == "1"


def picture(page, name, shown=None, height=500):
    """Renew a picture of the documentation, of the page or a part of it, if that is asked for."""
    if RENEW:
        page.set_viewport_size({"width": 1300, "height": height})
        page.wait_for_timeout(1000)  # until nothing moves any more
        (shown or page).screenshot(path=IMAGES / f"airflow-connection-{name}.png", animations="disabled")


def fields(form):
    """Label → input, of all that the form asks for."""
    labels = form.locator("label").all()
    groups = [label.locator("xpath=ancestor::*[@role='group'][1]") for label in labels]
    return {label.inner_text().strip(" *\n"): group.locator("input, textarea").first for label, group in zip(labels, groups, strict=True)}


def unfold(form):
    """Show the provider's own fields, in place of those that every connection has."""
    form.get_by_role("button", name="Extra Fields", exact=True).click()
    form.locator("#element_client_id").wait_for()


def new_connection(page, name):
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.locator("input[name=connection_id]").fill(name)
    form.get_by_role("combobox").click()
    page.keyboard.type("E3DB")
    page.keyboard.press("Enter")
    form.locator("input[name=host][placeholder='https://api.e3db.com']").wait_for()
    return form


def fill(form, values, port):
    """Write a connection's values into the form."""
    standard = {"host": values["host"].rpartition(":")[0], "port": port, "login": values["login"], "password": values["password"]}
    for name, value in standard.items():
        form.locator(f"input[name={name}]").fill(value)
    unfold(form)
    for name, value in values["extra"].items():
        form.locator(f"#element_{name}").fill(value)


def save(page):
    form = page.get_by_role("dialog")
    form.get_by_role("button", name="Save").click()
    form.wait_for(state="detached")


def press_test(page, name):
    """What the test button says."""
    with page.expect_response("**/connections/test") as answer:
        page.get_by_role("row", name=name).get_by_role("button", name="Test Connection").click()
    assert answer.value.ok, answer.value.text()
    return answer.value.json()


def test_its_fields(page):
    form = new_connection(page, "seen")
    shown = fields(form)
    labels = {field["label"] for field in TYPE["conn-fields"].values()} | set(TYPE["ui-field-behaviour"]["relabeling"].values())
    assert labels < set(shown)
    assert set(shown) - labels == {"Connection ID", "Connection Type", "Description", "Port"}
    assert {label for label, field in shown.items() if field.get_attribute("type") == "password"} == SECRET_FIELDS
    unfold(form)
    for name, field in TYPE["conn-fields"].items():
        assert form.locator(f"#element_{name}").count() == 1
        assert form.get_by_text(field["description"], exact=True).first.is_visible()
    picture(page, "form", form, 1750)


def test_filled_in_tested_and_saved(page, client, values_of):
    values = values_of(client.config)
    port = values["host"].rpartition(":")[2]
    form = new_connection(page, "e3db_orders")
    fill(form, values, port)
    save(page)
    assert press_test(page, "e3db_orders") == {"status": True, "message": f"signed in as {client.client_id}, and opened an access key"}
    page.get_by_text("Test Connection Successful").wait_for()
    picture(page, "tested")

    page.get_by_role("row", name="e3db_orders").get_by_role("button", name="Edit Connection").click()
    form = page.get_by_role("dialog")
    form.locator("input[name=login]").wait_for()
    seen = {label: field.input_value() for label, field in fields(form).items()}
    assert {label: seen[label] for label in SECRET_FIELDS} == {**dict.fromkeys(SECRET_FIELDS, "***"), "Credentials (JSON)": ""}
    assert (seen["API key id"], seen["Client id"], seen["Port"]) == (values["login"], client.client_id, port)
    wrong = "0123456789abcdef" * 4
    form.locator("input[name=password]").fill(wrong)
    unfold(form)
    picture(page, "saved", form, 1750)
    save(page)
    told = press_test(page, "e3db_orders")
    assert told["status"] is False
    assert "401" in told["message"]
    page.get_by_text("Test Connection Failed").wait_for()
    assert wrong not in told["message"] + page.content()
    assert [name for name in ("private_key", "signing_private_key") if values["extra"][name] in page.content()] == []
