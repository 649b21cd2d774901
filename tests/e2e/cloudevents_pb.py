"""Messages of io.cloudevents.v1.CloudEventService, made from a description instead of generated code."""
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2, empty_pb2

_F = descriptor_pb2.FieldDescriptorProto


def _field(message, name, number, kind, type_name=None, label=_F.LABEL_OPTIONAL, oneof=None):
    field = message.field.add(name=name, number=number, type=kind, label=label)
    if type_name:
        field.type_name = type_name
    if oneof is not None:
        field.oneof_index = oneof


def _file():
    file = descriptor_pb2.FileDescriptorProto(
        name="cloudevents.proto", package="io.cloudevents.v1", syntax="proto3",
        dependency=["google/protobuf/timestamp.proto"])
    event = file.message_type.add(name="CloudEvent")
    for number, name in enumerate(("id", "source", "spec_version", "type"), 1):
        _field(event, name, number, _F.TYPE_STRING)
    entry = event.nested_type.add(name="AttributesEntry")
    entry.options.map_entry = True
    _field(entry, "key", 1, _F.TYPE_STRING)
    _field(entry, "value", 2, _F.TYPE_MESSAGE, ".io.cloudevents.v1.CloudEventAttributeValue")
    _field(event, "attributes", 5, _F.TYPE_MESSAGE, ".io.cloudevents.v1.CloudEvent.AttributesEntry",
           _F.LABEL_REPEATED)
    event.oneof_decl.add(name="data")
    _field(event, "binary_data", 6, _F.TYPE_BYTES, oneof=0)
    _field(event, "text_data", 7, _F.TYPE_STRING, oneof=0)
    value = file.message_type.add(name="CloudEventAttributeValue")
    value.oneof_decl.add(name="attr")
    for number, (name, kind) in enumerate((
            ("ce_boolean", _F.TYPE_BOOL), ("ce_integer", _F.TYPE_INT32), ("ce_string", _F.TYPE_STRING),
            ("ce_bytes", _F.TYPE_BYTES), ("ce_uri", _F.TYPE_STRING), ("ce_uri_ref", _F.TYPE_STRING)), 1):
        _field(value, name, number, kind, oneof=0)
    _field(value, "ce_timestamp", 7, _F.TYPE_MESSAGE, ".google.protobuf.Timestamp", oneof=0)
    request = file.message_type.add(name="PublishRequest")
    _field(request, "event", 1, _F.TYPE_MESSAGE, ".io.cloudevents.v1.CloudEvent")
    subscription = file.message_type.add(name="SubscriptionRequest")
    for number, name in enumerate(("source", "cluster_name", "data_type"), 1):
        _field(subscription, name, number, _F.TYPE_STRING)
    return file


_pool = descriptor_pool.DescriptorPool()
_pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
_pool.Add(_file())


def _message(name):
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName("io.cloudevents.v1." + name))


CloudEvent = _message("CloudEvent")
PublishRequest = _message("PublishRequest")
SubscriptionRequest = _message("SubscriptionRequest")
