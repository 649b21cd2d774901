"""Maestro's gRPC service for sources, spoken by grpcio as the official client library speaks it."""

import json
import queue
import threading
import time
import uuid

import grpc
import pytest
import requests

from cloudevents_pb import CloudEvent, PublishRequest, SubscriptionRequest
from google.protobuf import empty_pb2

SERVICE = "/io.cloudevents.v1.CloudEventService/"
TYPE = "io.open-cluster-management.works.v1alpha1.manifestbundles."
CONSUMER = "mc-1"
WAIT_S = 60


def bundle_id(source, consumer, name):
    return str(uuid.uuid5(uuid.NAMESPACE_OID,
                          f"{source}-manifestworks.work.open-cluster-management.io-{consumer}-{name}"))


def config_map(name, value):
    return {"manifests": [{"apiVersion": "v1", "kind": "ConfigMap",
                           "metadata": {"name": name, "namespace": "default"}, "data": {"k": value}}]}


class Source:
    """What the official client library does for one source id."""

    def __init__(self, address, source):
        self.source = source
        self.channel = grpc.insecure_channel(address)
        self.publish_call = self.channel.unary_unary(
            SERVICE + "Publish", request_serializer=PublishRequest.SerializeToString,
            response_deserializer=empty_pb2.Empty.FromString)
        self.subscribe_call = self.channel.unary_stream(
            SERVICE + "Subscribe", request_serializer=SubscriptionRequest.SerializeToString,
            response_deserializer=CloudEvent.FromString)
        self.events = queue.Queue()
        self.stream = None

    def publish(self, action, name, data=None, version=0, **extensions):
        id = bundle_id(self.source, CONSUMER, name)
        event = CloudEvent(id=str(uuid.uuid4()), source=self.source, spec_version="1.0", type=TYPE + action)
        event.attributes["ce-time"].ce_timestamp.GetCurrentTime()
        event.attributes["ce-resourceid"].ce_string = id
        event.attributes["ce-resourceversion"].ce_integer = version
        event.attributes["ce-clustername"].ce_string = CONSUMER
        event.attributes["ce-originalsource"].ce_string = ""
        event.attributes["ce-logtracing"].ce_string = "{}"
        event.attributes["ce-metadata"].ce_string = json.dumps(
            {"name": name, "namespace": CONSUMER, "uid": id, "resourceVersion": "0"})
        for key, value in extensions.items():
            event.attributes["ce-" + key].ce_string = value
        if data is not None:
            event.attributes["contenttype"].ce_string = "application/json"
            event.binary_data = json.dumps(data).encode()
        self.publish_call(PublishRequest(event=event), timeout=WAIT_S)
        return id

    def subscribe(self):
        """Blocks on the subscription-id header, as the official client does."""
        self.stream = self.subscribe_call(SubscriptionRequest(source=self.source))
        header = dict(self.stream.initial_metadata())
        threading.Thread(target=self._read, daemon=True).start()
        return header["subscription-id"]

    def _read(self):
        try:
            for event in self.stream:
                self.events.put(event)
        except grpc.RpcError:
            pass

    def next_status(self, id, condition, version=None):
        """The next status of this bundle that has the condition."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            event = self.events.get(timeout=WAIT_S)
            if event.attributes["ce-resourceid"].ce_string != id:
                continue
            data = json.loads(event.binary_data)
            met = {c["type"]: c["status"] for c in data["conditions"]}.get(condition) == "True"
            if met and version in (None, event.attributes["ce-resourceversion"].ce_integer):
                return event, data
        raise AssertionError(f"no status {condition} of {id}")

    def close(self):
        if self.stream:
            self.stream.cancel()
        self.channel.close()


@pytest.fixture
def maestro(region):
    about = region.about["maestro"]
    return about["rest"], about["grpc"]


@pytest.fixture
def source(maestro):
    made = Source(maestro[1], f"src-{uuid.uuid4().hex[:8]}")
    yield made
    made.close()


def read(maestro, id):
    return requests.get(f"{maestro[0]}/api/maestro/v1/resource-bundles/{id}", timeout=WAIT_S)


def refused(call, text):
    with pytest.raises(grpc.RpcError) as error:
        call()
    assert error.value.code() == grpc.StatusCode.UNKNOWN
    assert text in error.value.details()


def test_a_source_creates_updates_and_deletes(maestro, source):
    assert uuid.UUID(source.subscribe())
    id = source.publish("spec.create_request", "life", config_map("life", "one"))
    event, data = source.next_status(id, "Applied", version=1)
    assert event.type.startswith(TYPE + "status.")
    assert data["manifestBundle"] == config_map("life", "one")
    assert json.loads(event.attributes["ce-metadata"].ce_string)["name"] == "life"
    assert int(event.attributes["ce-sequenceid"].ce_string) > 0
    shown = read(maestro, id).json()
    assert (shown["version"], shown["metadata"]["name"]) == (1, "life")

    source.publish("spec.update_request", "life", config_map("life", "two"), version=1)
    _, data = source.next_status(id, "Applied", version=2)
    assert data["manifestBundle"] == config_map("life", "two")
    source.publish("spec.update_request", "life", config_map("life", "two"), version=2)
    assert read(maestro, id).json()["version"] == 2, "equal content makes no version"

    source.publish("spec.delete_request", "life", deletiontimestamp="2026-01-02T03:04:05Z")
    source.next_status(id, "Deleted")
    deadline = time.monotonic() + WAIT_S
    while read(maestro, id).status_code != 404:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_refusals_have_the_sentences_that_clients_look_for(source):
    source.publish("spec.create_request", "refused", config_map("refused", "one"))
    refused(lambda: source.publish("spec.create_request", "refused", config_map("refused", "one")),
            "failed to create resource: maestro-6: This Resource already exists")
    refused(lambda: source.publish("spec.update_request", "refused", config_map("refused", "two"), version=7),
            "the resource version is not the latest, the latest version: 1")
    refused(lambda: source.publish("spec.update_request", "unknown", config_map("unknown", "two")),
            f"failed to get resource: maestro-7: Resource with id='{bundle_id(source.source, CONSUMER, 'unknown')}'"
            " not found")
    refused(lambda: source.publish("spec.create_request", "bad", {"manifests": [{"kind": "A", "metadata": {
        "name": "a"}}]}), "maestro-8: the manifest bundle in the resource is invalid, apiVersion: Required value")
    refused(lambda: source.publish("spec.create_request", "none"), "manifest bundle is empty")
    refused(lambda: source.publish("spec.watch_request", "refused", config_map("refused", "two")),
            "unsupported action watch_request")
    refused(lambda: source.publish("nonsense", "refused"), "failed to parse cloud event type")
    source.publish("spec.delete_request", "refused")
    source.publish("spec.delete_request", "refused")
    source.publish("spec.delete_request", "never was")


def test_only_its_own_statuses_reach_a_source(maestro, source):
    other = Source(maestro[1], source.source + "-other")
    try:
        source.subscribe()
        other.subscribe()
        mine = source.publish("spec.create_request", "mine", config_map("mine", "one"))
        source.next_status(mine, "Applied")
        theirs = other.publish("spec.create_request", "theirs", config_map("theirs", "one"))
        other.next_status(theirs, "Applied")
        seen = []
        while not other.events.empty():
            seen.append(other.events.get())
        assert all(event.attributes["ce-resourceid"].ce_string != mine for event in seen)
    finally:
        other.close()


def test_a_status_resync_tells_what_differs(source):
    id = source.publish("spec.create_request", "resync", config_map("resync", "one"))
    source.subscribe()
    deadline = time.monotonic() + WAIT_S
    while source.events.empty():
        source.publish("status.resync_request", "resync", {"statusHashes": []})
        assert time.monotonic() < deadline
        time.sleep(0.2)
    event, _ = source.next_status(id, "Applied")
    assert event.attributes["ce-statushash"].ce_string


def test_a_heartbeat_comes_every_ten_seconds(source):
    source.subscribe()
    event = source.events.get(timeout=15)
    assert event.type == "io.open-cluster-management.cloudevents.heartbeat"
    assert event.spec_version == "1.0" and event.source == ""


def test_what_is_not_of_the_service_is_unimplemented(maestro):
    with grpc.insecure_channel(maestro[1]) as channel:
        with pytest.raises(grpc.RpcError) as error:
            channel.unary_unary("/io.cloudevents.v1.CloudEventService/Other")(b"", timeout=WAIT_S)
        assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED
        with pytest.raises(grpc.RpcError) as error:
            channel.unary_unary(SERVICE + "Publish")(b"\xff\xff\xff", timeout=WAIT_S)
        assert "failed to convert protobuf to cloudevent" in error.value.details()


def test_many_calls_at_once_on_one_connection(maestro, source):
    failures = []

    def work(number):
        try:
            for i in range(20):
                name = f"many-{number}-{i}"
                source.publish("spec.create_request", name, config_map(name, "x" * 20000))
        except grpc.RpcError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    shown = requests.get(f"{maestro[0]}/api/maestro/v1/resource-bundles", timeout=WAIT_S,
                         params={"search": f"source='{source.source}'", "size": 1}).json()
    assert shown["total"] == 160
