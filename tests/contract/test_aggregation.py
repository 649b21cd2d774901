"""Conditions of a resource as its adapters report (the worked example, over HTTP)."""

import datetime

import pytest

from client import condition, path_of, required_adapters

ALL = "All required adapters reported Available=True or Finalized=True at the current generation"


class Story:
    """A node pool, whose kind requires two adapters, with reports at moments in order."""

    def __init__(self, clm):
        self.clm = clm
        cluster = clm.create()
        self.resource = clm.create(f"/clusters/{cluster['id']}/nodepools")
        self.adapters = required_adapters(self.resource)
        assert len(self.adapters) == 2, "the example needs a kind with two required adapters"
        self.moment = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=20)

    def report(self, index, available, generation):
        self.moment += datetime.timedelta(seconds=1)
        time = self.moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        answer = self.clm.report(self.resource, self.adapters[index], available, generation, observed_time=time)
        assert answer.status_code == 201, answer.text
        return answer.json()["last_report_time"]

    def patch(self):
        answer = self.clm.patch(path_of(self.resource), json={"labels": {"n": str(self.moment.timestamp())}})
        assert answer.status_code == 200
        self.moment += datetime.timedelta(seconds=1)
        return answer.json()

    def now(self, kind):
        return condition(self.clm.read(self.resource), kind)

    def verdicts(self):
        reconciled, last = self.now("Reconciled"), self.now("LastKnownReconciled")
        return reconciled["status"], last["status"], last["observed_generation"]


@pytest.fixture
def story(clm):
    return Story(clm)


def test_the_worked_example(story):
    a, b = story.adapters
    story.report(0, "True", 1)
    assert story.verdicts() == ("False", "False", 1)
    assert story.now("Reconciled")["message"] == (
        f"Required adapters not reporting Available=True: [{b}]. Currently reporting: [{a}]")
    story.report(1, "True", 1)
    assert story.verdicts() == ("True", "True", 1)
    assert (story.now("Reconciled")["reason"], story.now("Reconciled")["message"]) == ("ReconciledAll", ALL)
    changed = story.patch()
    assert story.verdicts() == ("False", "True", 1)
    assert story.now("Reconciled")["last_transition_time"] == changed["updated_time"]
    story.report(0, "True", 2)
    assert story.verdicts() == ("False", "True", 1)  # mixed generations: the last known good stays
    story.report(0, "False", 2)
    assert story.verdicts() == ("False", "True", 1)  # the False is at 2, what is tracked at 1
    story.report(1, "True", 2)
    story.report(0, "True", 2)
    assert story.verdicts() == ("True", "True", 2)


def test_a_failure_at_the_tracked_generation_is_a_loss(story):
    story.report(0, "True", 1)
    story.report(1, "True", 1)
    story.patch()
    story.report(1, "False", 1)
    assert story.verdicts()[:2] == ("False", "False")
    item = story.now("LastKnownReconciled")
    assert (item["reason"], item["message"]) == (
        "AdapterReportedNotAvailable", "One or more required adapters report Available=False")


def test_times_of_conditions(story):
    first, second = story.report(0, "True", 1), story.report(1, "True", 1)
    item = story.now("Reconciled")
    assert item["last_updated_time"] == first  # the oldest report that counts
    assert item["last_transition_time"] == first
    assert item["created_time"] == story.resource["created_time"]
    third = story.report(0, "True", 1)
    item = story.now("Reconciled")
    assert item["last_updated_time"] == second and item["last_transition_time"] == first
    story.report(0, "False", 1)
    assert story.now("Reconciled")["status"] == "False"
    assert third > second


def test_a_failure_without_a_new_generation_is_a_transition(story):
    story.report(0, "True", 1)
    second = story.report(1, "True", 1)
    story.report(0, "False", 1)
    item = story.now("Reconciled")
    assert item["status"] == "False"
    assert item["last_transition_time"] == item["last_updated_time"] == second


def test_each_required_adapter_has_a_condition(story):
    type_of = ["".join(part[:1].upper() + part[1:] for part in name.split("-")) + "Successful" for name in story.adapters]
    assert story.now(type_of[0]) is None
    time = story.report(1, "False", 1)
    item = story.now(type_of[1])
    assert (item["status"], item["reason"], item["message"]) == ("False", "R", "m")
    assert item["observed_generation"] == 1
    assert item["last_updated_time"] == item["last_transition_time"] == time
    later = story.report(1, "False", 1)
    item = story.now(type_of[1])
    assert (item["last_updated_time"], item["last_transition_time"]) == (later, time)
    story.report(0, "True", 1)
    assert {item["type"] for item in story.clm.read(story.resource)["status"]["conditions"]} == {
        "Reconciled", "LastKnownReconciled", *type_of}


@pytest.mark.reeve
def test_conditions_have_one_order(story):
    story.report(1, "True", 1)
    story.report(0, "True", 1)
    kinds = [item["type"] for item in story.clm.read(story.resource)["status"]["conditions"]]
    assert kinds[:2] == ["Reconciled", "LastKnownReconciled"]
    assert kinds == [item["type"] for item in story.clm.read(story.resource)["status"]["conditions"]]


def test_others_reports_are_kept_without_a_say(story):
    assert story.clm.report(story.resource, "somebody-else", "False").status_code == 201
    story.report(0, "True", 1)
    story.report(1, "True", 1)
    assert story.verdicts() == ("True", "True", 1)
    adapters = {item["adapter"] for item in story.clm.items(path_of(story.resource) + "/statuses")}
    assert adapters == {"somebody-else", *story.adapters}
    assert story.now("SomebodyElseSuccessful") is None


def test_neither_ready_nor_available_are_conditions(story):
    story.report(0, "True", 1)
    assert story.now("Ready") is None and story.now("Available") is None
