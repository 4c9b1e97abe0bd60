"""NRRD files as programs write them, held against pynrrd; and what they must not be taken for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_osuda.errors import CaseError
from napari_osuda.imaging import digest_of, read_labels, read_volume

nrrd = pytest.importorskip("nrrd")

VOXELS = np.random.default_rng(0).integers(-90, 90, (4, 5, 6)).astype(np.int16)
DIRECTIONS = [[0.0, 1.5, 0.0], [1.25, 0.0, 0.0], [0.0, 0.0, 3.0]]
RAW = VOXELS.tobytes(order="F")
HEADER = {"space": "left-posterior-superior", "space directions": DIRECTIONS, "space origin": [10, 20, 30]}


def write(path, changes=None, voxels=VOXELS, **options):
    header = {k: v for k, v in (HEADER | (changes or {})).items() if v is not None}
    nrrd.write(str(path), voxels, header, **options)
    return path


def write_text(path, fields, content=RAW):
    lines = {
        "type": "short", "dimension": "3", "sizes": "4 5 6", "endian": "little", "encoding": "raw",
        "space": "left-posterior-superior", "space directions": "(1,0,0) (0,1,0) (0,0,1)",
        "space origin": "(0,0,0)",
    } | fields  # fmt: skip
    text = "".join(f"{k}: {v}\n" for k, v in lines.items() if v is not None)
    path.write_bytes(b"NRRD0005\n# a comment\n" + text.encode() + b"key:=a value: of any kind\n\n" + content)
    return path


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "ASCII"])
@pytest.mark.parametrize("detached", [False, True])
@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", ">i2", "u2", "i4", "u4", "i8", "f4", ">f4", "f8"])
def test_every_type_and_encoding_is_read_as_pynrrd_reads_it(tmp_path, encoding, detached, dtype):
    path = tmp_path / ("x.nhdr" if detached else "x.nrrd")
    write(path, {"encoding": encoding}, np.abs(VOXELS).astype(dtype), index_order="F")
    read, header = nrrd.read(str(path), index_order="F")
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.data, read)
    np.testing.assert_array_equal(volume.data, np.abs(VOXELS))
    expected = np.diag([-1.0, -1.0, 1.0]) @ np.array(header["space directions"]).T
    np.testing.assert_allclose(volume.grid.affine[:3, :3], expected)
    np.testing.assert_allclose(volume.grid.affine[:3, 3], [-10, -20, 30])


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("left-posterior-superior", (-1, -1, 1)), ("LPS", (-1, -1, 1)),
        ("right-anterior-superior", (1, 1, 1)), ("RAS", (1, 1, 1)), ("left-anterior-superior", (-1, 1, 1)),
    ],
)  # fmt: skip
def test_each_of_the_patients_spaces_is_brought_to_ras(tmp_path, space, signs):
    grid = read_volume(write(tmp_path / "x.nrrd", {"space": space})).grid
    expected = np.eye(4)
    expected[:3, :3], expected[:3, 3] = np.array(DIRECTIONS).T, (10, 20, 30)
    np.testing.assert_allclose(grid.affine, np.diag([*signs, 1]) @ expected)
    assert grid.placed


@pytest.mark.parametrize(
    "changes",
    [
        {"space": "scanner-xyz"}, {"space": "3D-right-handed"}, {"space": None, "space dimension": 3},
        {"space origin": None}, {"space": None, "space directions": None, "space origin": None,
                                 "spacings": [1.25, 1.5, 3.0]},
    ],
)  # fmt: skip
def test_a_place_that_is_not_the_patients_is_not_believed(tmp_path, changes):
    grid = read_volume(write(tmp_path / "x.nrrd", changes)).grid
    assert not grid.placed
    assert sorted(grid.spacing) == [1.25, 1.5, 3.0]


def test_voxels_without_a_size_are_refused(tmp_path):
    path = write(tmp_path / "x.nrrd", {"space": None, "space directions": None, "space origin": None})
    with pytest.raises(CaseError, match="does not say how large its voxels are"):
        read_volume(path)


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1.0), ("m", 1e-3), ("um", 1e3), ("cm", 0.1)])
def test_units_of_space_are_read_in_millimeters(tmp_path, unit, factor):
    vectors = " ".join(f"({','.join(str(v * factor) for v in row)})" for row in DIRECTIONS)
    path = write_text(
        tmp_path / "x.nrrd", {"space directions": vectors, "space units": " ".join([f'"{unit}"'] * 3)}
    )
    np.testing.assert_allclose(read_volume(path).grid.spacing, (1.5, 1.25, 3.0))


def test_an_unknown_unit_is_refused(tmp_path):
    with pytest.raises(CaseError, match="'furlong', which is not a known unit"):
        read_volume(write_text(tmp_path / "x.nrrd", {"space units": '"furlong" "mm" "mm"'}))


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({"dimension": "4", "sizes": "2 2 5 6", "kinds": "vector domain domain domain",
          "space directions": "none (1,0,0) (0,1,0) (0,0,1)"}, 2),
        ({"dimension": "4", "sizes": "2 5 6 2", "kinds": "domain domain domain list",
          "space directions": "(1,0,0) (0,1,0) (0,0,1) none"}, 2),
        ({"dimension": "4", "sizes": "2 5 6 2", "space directions": None, "space": None, "space origin": None,
          "spacings": "1 1 1 1"}, 2),
    ],
)  # fmt: skip
def test_several_values_a_voxel_are_refused(tmp_path, fields, count):
    with pytest.raises(CaseError, match=f"holds {count} values a voxel or {count} volumes"):
        read_volume(write_text(tmp_path / "x.nrrd", fields))


@pytest.mark.parametrize("first", [True, False])
def test_an_axis_of_one_value_is_dropped(tmp_path, first):
    sizes, kinds, vectors = ["4", "5", "6"], ["domain"] * 3, ["(1,0,0)", "(0,1,0)", "(0,0,1)"]
    for given_, value in ((sizes, "1"), (kinds, "vector"), (vectors, "none")):
        given_.insert(0 if first else 3, value)
    fields = {"dimension": "4", "sizes": " ".join(sizes), "kinds": " ".join(kinds),
              "space directions": " ".join(vectors)}  # fmt: skip
    np.testing.assert_array_equal(read_volume(write_text(tmp_path / "x.nrrd", fields)).data, VOXELS)


@pytest.mark.parametrize(
    ("fields", "content", "sentence"),
    [
        ({}, VOXELS.tobytes()[:-2], "ends early"),
        ({}, VOXELS.tobytes() * 2, "holds more than the 4 x 5 x 6 voxels"),
        ({"sizes": "4 5"}, None, "2 sizes for 3 axes"),
        ({"sizes": "4 -5 6"}, None, "damaged"),
        ({"sizes": "40000 50000 60000", "encoding": "gzip"}, None, "ends early"),
        ({"type": "block"}, None, "type 'block'"),
        ({"endian": None}, None, "no endian"),
        ({"encoding": "zstd"}, None, "encoding 'zstd'"),
        ({"space directions": "(1,0) (0,1) (0,0)"}, None, "space of three axes"),
        ({"space directions": "(1,0,0) (0,1,0) (0,0,0)"}, None, "without length"),
        ({"data file": "/etc/passwd"}, None, "another folder"),
        ({"data file": "../x.raw"}, None, "another folder"),
        ({"data file": "gone.raw"}, None, "which is not there"),
        ({"data file": "LIST"}, None, "several files"),
        ({"data file": "x%03d.raw 1 6 1"}, None, "several files"),
        ({"encoding": "text"}, b"1 2 3", "holds 3 numbers"),
        ({"encoding": "gzip"}, b"\x1f\x8b\x08\x00damaged", "damaged"),
    ],
)
def test_what_is_damaged_or_leads_elsewhere_gets_a_sentence(tmp_path, fields, content, sentence):
    path = write_text(tmp_path / "x.nrrd", fields, VOXELS.tobytes() if content is None else content)
    with pytest.raises(CaseError, match=sentence) as raised:
        read_volume(path)
    assert "x.nrrd" in str(raised.value)


def test_lines_and_bytes_before_the_voxels_are_passed_over(tmp_path):
    raw = VOXELS.tobytes(order="F")
    (tmp_path / "skip.raw").write_bytes(b"first\nsecond\n1234" + raw)
    path = write_text(tmp_path / "x.nhdr", {"data file": "skip.raw", "line skip": "2", "byte skip": "4"}, b"")
    np.testing.assert_array_equal(read_volume(path).data, VOXELS)
    path = write_text(tmp_path / "y.nhdr", {"data file": "skip.raw", "byte skip": "-1"}, b"")
    np.testing.assert_array_equal(read_volume(path).data, VOXELS)


def test_the_digest_of_a_detached_image_is_that_of_its_voxels_too(tmp_path):
    path = write(tmp_path / "x.nhdr", {"encoding": "raw"})
    before = digest_of(path)
    data = tmp_path / "x.raw"
    data.write_bytes(bytes([data.read_bytes()[0] ^ 1]) + data.read_bytes()[1:])
    assert digest_of(path) != before


def test_labels_are_read(tmp_path):
    labels = np.abs(VOXELS) % 4
    np.testing.assert_array_equal(read_labels(write(tmp_path / "x.seg.nrrd", None, labels))[0], labels)


@given(st.data())
@settings(max_examples=150)
def test_whatever_is_damaged_there_is_a_sentence_or_a_volume(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    path = write_text(folder / "x.nrrd", {})
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + 1] = data.draw(st.binary(max_size=3))
    path.write_bytes(content)
    try:
        volume = read_volume(path)
    except CaseError:
        return
    assert volume.data.shape == volume.grid.shape
