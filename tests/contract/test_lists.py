"""Lists as a client sees them: pages, order, projection, search."""

import pytest

from client import path_of, refused, unique


@pytest.fixture
def herd(clm):
    """Five channels that nobody else has, by a label of their own."""
    mark = unique()
    made = [clm.create("/channels", name=f"{mark}{n}", labels={"herd": mark, "n": str(n)},
                       spec={"n": n, "text": f"t{n}", "size": {"big": n % 2 == 0}}) for n in range(5)]
    return mark, made


def ids(items):
    return [item["id"] for item in items]


# --- pages -------------------------------------------------------------------------------------

def test_the_envelope(clm, herd):
    mark, made = herd
    body = clm.get("/channels", params={"search": f"labels.herd = '{mark}'", "size": 2, "page": 3}).json()
    assert {key: body[key] for key in ("page", "size", "total")} == {"page": 3, "size": 1, "total": 5}
    assert set(body) - {"next"} == {"items", "page", "size", "total"}
    assert len(body["items"]) == 1
    past = clm.get("/channels", params={"search": f"labels.herd = '{mark}'", "page": 100000}).json()
    assert (past["items"], past["size"], past["total"], past["page"]) == ([], 0, 5, 100000)


def test_the_newest_come_first(clm, herd):
    mark, made = herd
    assert ids(clm.items("/channels", search=f"labels.herd = '{mark}'")) == ids(reversed(made))


def test_pages_hold_each_once(clm, herd):
    mark, made = herd
    seen = [item for page in (1, 2, 3) for item in ids(clm.items(
        "/channels", search=f"labels.herd = '{mark}'", page=page, size=2, order="kind"))]
    assert sorted(seen) == sorted(ids(made))


def test_twenty_are_a_page(clm):
    mark = unique()
    for n in range(21):
        clm.create("/channels", labels={"herd": mark})
    body = clm.get("/channels", params={"search": f"labels.herd = '{mark}'"}).json()
    assert (len(body["items"]), body["size"], body["total"]) == (20, 20, 21)


@pytest.mark.parametrize("parameters,field,constraint,message", [
    ({"page": "0"}, "page", "min", "page must be at least 1"),
    ({"page": "-1"}, "page", "min", "page must be at least 1"),
    ({"page": "100001"}, "page", "max", None),
    ({"page": "1.5"}, "page", "format", "must be a valid integer"),
    ({"page": "99999999999999999999"}, "page", "format", None),
    ({"size": "0"}, "size", "min", "size must be at least 1"),
    ({"size": "101"}, "size", "max", None),
    ({"size": "ten"}, "size", "format", "must be a valid integer"),
])
def test_wrong_pages(clm, parameters, field, constraint, message):
    body = refused(clm.get("/clusters", params=parameters), 400, "VAL-000", "Invalid query parameters")
    (item,) = body["errors"]
    assert (item["field"], item["value"], item["constraint"]) == (field, parameters[field], constraint)
    assert message is None or item["message"] == message


def test_all_wrong_parameters_are_told(clm):
    body = refused(clm.get("/clusters", params={"page": "0", "size": "x"}), 400, "VAL-000")
    assert [item["field"] for item in body["errors"]] == ["page", "size"]


@pytest.mark.parametrize("parameters", [{"ref_type": "wif_config"}, {"ref_target_id": "x"}])
def test_references_are_asked_for_with_both_parameters(clm, parameters):
    """1.11: both or neither."""
    body = refused(clm.get("/clusters", params=parameters), 400, "VAL-000", "Invalid query parameters")
    (item,) = body["errors"]
    assert (item["constraint"], item["message"]) == ("required", "ref_type and ref_target_id must be provided together")


def test_an_unknown_type_of_reference(clm):
    parameters = {"ref_type": "nonsense", "ref_target_id": "x"}
    refused(clm.get("/channels", params=parameters), 400, "VAL-000")
    assert clm.get("/resources", params=parameters).status_code == 200  # without effect there


# --- order -------------------------------------------------------------------------------------

@pytest.mark.parametrize("order,expected", [
    ("name", [0, 1, 2, 3, 4]), ("name asc", [0, 1, 2, 3, 4]), ("name desc", [4, 3, 2, 1, 0]),
    ("created_time", [0, 1, 2, 3, 4]), ("kind,name desc", [4, 3, 2, 1, 0]), ("kind , name", [0, 1, 2, 3, 4]),
    (["kind", "name desc"], [4, 3, 2, 1, 0]),
])
def test_orders(clm, herd, order, expected):
    mark, made = herd
    assert ids(clm.items("/channels", search=f"labels.herd = '{mark}'", order=order)) == [
        made[n]["id"] for n in expected]


@pytest.mark.parametrize("order", ["name up", "Name", "1name", "name;", "name desc desc", "name,,id", "nonsense", "spec.n",
                                   "name--", "(select 1)", "name desc, nonsense"])
def test_wrong_orders(clm, order):
    refused(clm.get("/channels", params={"order": order}), 400, "VAL-005")


# --- projection --------------------------------------------------------------------------------

@pytest.mark.parametrize("fields,members", [
    ("name", {"id", "name"}), ("id", {"id"}), ("name,kind", {"id", "name", "kind"}), (["name", "kind"], {"id", "name", "kind"}),
    ("spec,labels", {"id", "spec", "labels"}), ("tenancy", {"id", "tenancy"}),
])
def test_fields_choose_members(clm, herd, fields, members):
    mark, made = herd
    for item in clm.items("/channels", search=f"labels.herd = '{mark}'", fields=fields):
        assert set(item) == members
    one = clm.get(path_of(made[0]), params={"fields": fields}).json()
    assert set(one) == members
    assert all(one[member] == made[0][member] for member in members)


def test_fields_choose_inside_of_objects(clm):
    cluster = clm.create()
    one = clm.get(path_of(cluster), params={"fields": "status.conditions.type"}).json()
    assert set(one) == {"id", "status"}
    assert one["status"]["conditions"] and all(set(item) == {"type"} for item in one["status"]["conditions"])
    for fields in ("status.conditions", "status.*"):
        assert len(clm.get(path_of(cluster), params={"fields": fields}).json()["status"]["conditions"]) == 2
    pool = clm.create(f"/clusters/{cluster['id']}/nodepools")
    one = clm.get(path_of(pool), params={"fields": "owner_references.kind"}).json()
    assert one == {"id": pool["id"], "owner_references": {"kind": "Cluster"}}


@pytest.mark.parametrize("fields", ["nonsense", "name,nonsense", "spec.n", "labels.herd", "name.x"])
def test_unknown_fields(clm, herd, fields):
    mark, made = herd
    for response in (clm.get(path_of(made[0]), params={"fields": fields}),
                     clm.get("/channels", params={"fields": fields, "search": f"labels.herd = '{mark}'"})):
        said = refused(response, 400, "VAL-000")["detail"]
        assert said == ("The following field(s) doesn't exist in `Resource`: " + fields.split(",")[-1])


# --- search ------------------------------------------------------------------------------------

@pytest.mark.parametrize("search,expected", [
    ("labels.n = '1'", [1]),
    ("labels.n != '1'", [0, 2, 3, 4]),
    ("labels.n <> '1'", [0, 2, 3, 4]),
    ("labels.n == '1' or labels.n = '2'", [1, 2]),
    ("labels.n = '1' and labels.n = '2'", []),
    ("labels.n = '0' or labels.n = '1' and labels.n = '2'", [0]),
    ("(labels.n = '0' or labels.n = '1') and labels.n = '1'", [1]),
    ("labels.n > '2'", [3, 4]),
    ("labels.absent = 'x'", []),
    ("labels.absent != 'x'", []),
    ("labels.absent is null", [0, 1, 2, 3, 4]),
    ("labels.n is not null", [0, 1, 2, 3, 4]),
    ("spec.n = 3", [3]),
    ("spec.n >= 3", [3, 4]),
    ("spec.n in (1)", None),
    ("spec.n in [1, 2,]", [1, 2]),
    ("spec.n not in [1, 2]", [0, 3, 4]),
    ("spec.n between 1 and 2", [1, 2]),
    ("spec.n > -1", [0, 1, 2, 3, 4]),
    ("spec.text = 't2'", [2]),
    ("spec.text like 't%'", [0, 1, 2, 3, 4]),
    ("spec.text ilike 'T_'", [0, 1, 2, 3, 4]),
    ("spec.text not like 't2'", [0, 1, 3, 4]),
    ("spec.size.big = 'true'", [0, 2, 4]),
    ("generation = 1", [0, 1, 2, 3, 4]),
    ("generation > 1", []),
    ("generation in [1]", [0, 1, 2, 3, 4]),
    ("kind = 'Channel'", [0, 1, 2, 3, 4]),
    ("kind = 'Cluster'", []),
    ("created_time > '2020-01-01'", [0, 1, 2, 3, 4]),
    ("created_time > 2020-01-01T00:00:00Z", [0, 1, 2, 3, 4]),
    ("created_time < '2020-01-01T00:00:00Z'", []),
    ("deleted_time is null", [0, 1, 2, 3, 4]),
    ("created_by = 'system@hyperfleet.local'", [0, 1, 2, 3, 4]),
    ("NOT name = 'x'", [0, 1, 2, 3, 4]),
    ("Labels.n = '1'", None),
])
def test_searches(clm, herd, search, expected):
    mark, made = herd
    response = clm.get("/channels", params={"search": f"labels.herd = '{mark}' and ({search})", "order": "name"})
    if expected is None:
        refused(response, 400, "VAL-005")
    else:
        assert response.status_code == 200, response.text
        assert ids(response.json()["items"]) == [made[n]["id"] for n in expected]


@pytest.mark.parametrize("quote", ["'", '"', "`"])
def test_strings_have_three_quotes_and_escapes(clm, quote):
    made = clm.create("/channels", spec={"text": "it's \"a\" `b` \\ %_"})
    text = made["spec"]["text"].replace("\\", "\\\\").replace(quote, "\\" + quote)
    found = clm.items("/channels", search=f"id = '{made['id']}' and spec.text = {quote}{text}{quote}")
    assert ids(found) == [made["id"]]


def test_searches_by_condition(clm):
    cluster = clm.create()
    own = f"id = '{cluster['id']}' and "
    for search, found in (("status.conditions.Reconciled = 'False'", True),
                          ("status.conditions.Reconciled = 'True'", False),
                          ("status.conditions.Absent = 'True'", False),
                          ("status.conditions.Absent is null", True),
                          ("status.conditions.Reconciled.observed_generation = 1", True),
                          ("status.conditions.Reconciled.observed_generation < 1", False),
                          ("status.conditions.Reconciled.last_updated_time > '2020-01-01T00:00:00Z'", True),
                          ("status.conditions.Reconciled.last_transition_time < '2020-01-01T00:00:00Z'", False)):
        assert bool(clm.items("/clusters", search=own + search)) == found, search


@pytest.mark.parametrize("search", [
    "name", "name =", "= 'x'", "name = 'x", "(name = 'x'", "name = 'x')", "name = 'x' name = 'y'", "and", "not",
    "name = 'x' and", "generation = 'one'", "created_time > 'yesterday'", "nonsense = 'x'", "a.b = 'x'",
    "status.phase = 'x'", "status.conditions.lower = 'True'", "status.conditions.Reconciled = 'Maybe'",
    "status.conditions.Reconciled like 'T%'", "status.conditions.Reconciled between 'A' and 'Z'",
    "status.conditions.Reconciled.nonsense = 1", "status.conditions.Reconciled.observed_generation = 'x'",
    "len name = 1", "name + 'x' = 'y'", "sum generation = 1", "name ~= 'x'", "name ~! 'x'", "any name = 'x'",
    "name in 'x'", "labels. = 'x'", "name == == 'x'", "{}", "'x' = ", ";", "name = 'x' -- comment", "name = 'x' /* */",
])
def test_what_is_no_search(clm, search):
    refused(clm.get("/clusters", params={"search": search}), 400, "VAL-005")


def test_a_search_that_is_too_long(clm):
    refused(clm.get("/clusters", params={"search": "name = '" + "x" * 4100 + "'"}), 400, "VAL-005")


def nested(depth, leaves, joins, before="", after=""):
    """a or (b and (c or ...)), with what stands around each parenthesis."""
    text = leaves[0]
    for level in range(depth):
        text = f"{leaves[level % len(leaves)]} {joins[level % len(joins)]} {before}({text}){after}"
    return text


LEAVES = ["name = 'no'", "labels.a = 'no'", "status.conditions.Ready = 'False'", "spec.a = 'no'", "generation in [8, 9]"]


@pytest.mark.reeve
@pytest.mark.parametrize("search", [
    pytest.param(" or ".join(["name='n'"] * 200), id="a long chain"),
    pytest.param(" and ".join(f"name != 'n{i}'" for i in range(200)), id="a long chain of and"),
    pytest.param(nested(31, LEAVES, ["or"]), id="one operator"),
    pytest.param(nested(31, LEAVES, ["or", "and"]), id="both operators"),
    pytest.param(nested(15, LEAVES, ["or", "and"], before="not "), id="negated"),
    pytest.param("(" * 31 + "name = 'no'" + ") or name = 'no'" * 31, id="to the left"),
    pytest.param("(" * 31 + "name = 'no'" + ") and labels.a = 'x' or name = 'no'" * 31, id="to the left, both operators"),
    pytest.param("not " * 31 + "status.conditions.Ready = 'True'", id="not not not"),
    pytest.param("(" * 31 + "name = 'no'" + ")" * 31, id="parentheses alone"),
])
def test_searches_as_deep_as_may_be_are_answered(clm, herd, search):
    for path in ("/clusters", "/resources"):
        answer = clm.get(path, params={"search": search})
        assert answer.status_code == 200, answer.text


@pytest.mark.reeve
def test_deep_searches_mean_what_they_say(clm, herd):
    names = [item["name"] for item in herd[1]]
    text, expected = f"name = '{names[0]}'", {names[0]}
    for level, name in enumerate((names * 6)[:30]):
        text = f"name = '{name}' or ({text})" if level % 2 == 0 else f"not (name = '{name}') and ({text})"
        expected = expected | {name} if level % 2 == 0 else expected - {name}
    found = {item["name"] for item in clm.items("/channels", search=text, size=100)}
    assert found == expected


def test_an_operator_that_is_not_supported_is_named(clm):
    said = refused(clm.get("/clusters", params={"search": "name ~= 'x'"}), 400, "VAL-005")["detail"]
    assert said == "unsupported comparison operator: ~="


def test_a_search_that_cannot_be_read_says_so(clm):
    said = refused(clm.get("/clusters", params={"search": "name = "}), 400, "VAL-005")["detail"]
    assert said.startswith("failed to parse search query: ")


def test_a_nested_list_is_of_its_parent(clm):
    one, other = clm.create(), clm.create()
    pools = [clm.create(f"/clusters/{one['id']}/nodepools") for _ in range(2)]
    clm.create(f"/clusters/{other['id']}/nodepools")
    path = f"/clusters/{one['id']}/nodepools"
    assert sorted(ids(clm.items(path))) == sorted(ids(pools))
    # What the client writes cannot leave the brackets it is put in.
    assert sorted(ids(clm.items(path, search="name = 'x' or name != 'x'"))) == sorted(ids(pools))
    refused(clm.get(path, params={"search": "name = 'x') or (name != 'x'"}), 400, "VAL-005")
    assert ids(clm.items("/nodepools", search=f"owner_id = '{other['id']}'", fields="id"))


# --- what only Reeve has -----------------------------------------------------------------------

@pytest.mark.reeve
def test_pages_by_what_was_seen_last(clm, herd):
    mark, made = herd
    seen, after = [], ""
    while after is not None:
        body = clm.get("/channels", params={"search": f"labels.herd = '{mark}'", "size": 2, "after": after}).json()
        seen += ids(body["items"])
        after = body.get("next")
        clm.create("/channels", labels={"herd": mark})  # what is new does not shift what follows
        assert len(seen) <= 5
    assert seen == ids(reversed(made))
    refused(clm.get("/channels", params={"after": "", "page": 1}), 400, "VAL-005")
    refused(clm.get("/channels", params={"after": "nonsense"}), 400, "VAL-005")


@pytest.mark.reeve
@pytest.mark.parametrize("search,expected", [
    ("not labels.n = '1'", [0, 2, 3, 4]), ("labels.n in ['1', '2']", [1, 2]), ("labels.\"n\" = '1'", [1]),
    ("spec[\"text\"] = 't1'", [1]),
])
def test_searches_that_the_original_cannot(clm, herd, search, expected):
    mark, made = herd
    assert ids(clm.items("/channels", search=f"labels.herd = '{mark}' and ({search})", order="name")) == [
        made[n]["id"] for n in expected]


@pytest.mark.reeve
def test_an_empty_projected_list_is_a_list(clm):
    assert clm.items("/channels", search="name = 'nobody'", fields="name") == []


@pytest.mark.reeve
def test_a_batch_in_its_own_order(clm, herd):
    mark, made = herd
    asked = [made[3]["id"], "nope", made[1]["id"]]
    body = clm.post("/channels/batch", json={"ids": asked}).json()
    assert ids(body["items"]) == [asked[0], asked[2]] and body["missing"] == ["nope"]


@pytest.mark.reeve
def test_the_epoch_is_in_every_answer(clm):
    for response in (clm.get("/clusters"), clm.get("/clusters/nope"), clm.post("/clusters", data=b"")):
        assert int(response.headers["Hyperfleet-Epoch"]) >= 1


def test_a_total_is_that_of_the_moment(clm):
    """Whatever has been counted before."""
    mark = unique()
    search = f"labels.mark = '{mark}'"

    def total(**parameters):
        return clm.get("/channels", params={"search": search, **parameters}).json()["total"]

    assert total() == total() == 0
    first = clm.create("/channels", labels={"mark": mark})
    assert total() == total(size=1) == 1
    second = clm.create("/channels", labels={"mark": mark})
    assert total() == 2
    assert clm.patch(path_of(first), json={"labels": {}}).status_code == 200
    assert total() == 1
    assert clm.delete(path_of(second)).status_code == 202
    assert total() == 0
