"""Whatever fails while kerasnas writes: one error, nothing lost, nothing left behind."""

import json
import os
import resource
import stat
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from pathlib import Path

import pytest

from kerasnas import files, leftovers
from kerasnas.errors import ArtifactError
from kerasnas.files import MARKER, check_file, check_folder, fresh_file, fresh_folder


def content(folder: Path) -> dict[str, str]:
    """Every file below a folder with what it holds; folders with nothing."""
    return {
        p.relative_to(folder).as_posix(): p.read_text() if p.is_file() else ""
        for p in folder.rglob("*")
    }


def write_folder(path, **texts):
    with fresh_folder(path) as fresh:
        (fresh / "inner").mkdir(parents=True)
        (fresh / "inner" / "a").write_text("a")
        for name, text in texts.items():
            (fresh / name).write_text(text)


@contextmanager
def disk_full_after(size):
    """A limit that the system keeps: a write past it is an error, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class TestFile:
    def test_a_new_file(self, tmp_path):
        with fresh_file(tmp_path / "a.keras", (".keras",)) as fresh:
            assert fresh.parent.parent == tmp_path and fresh.suffix == ".keras"
            assert not (tmp_path / "a.keras").exists()
            fresh.write_text("new")
        assert content(tmp_path) == {"a.keras": "new"}

    def test_an_older_file_keeps_its_permissions(self, tmp_path):
        path = tmp_path / "a.keras"
        path.write_text("old")
        path.chmod(0o600)
        with fresh_file(path) as fresh:
            fresh.write_text("new")
        assert content(tmp_path) == {"a.keras": "new"}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    @pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyError("x")])
    def test_a_failure_changes_nothing(self, tmp_path, error):
        (tmp_path / "a.keras").write_text("old")
        kind = ArtifactError if isinstance(error, OSError) else KeyError
        with pytest.raises(kind), fresh_file(tmp_path / "a.keras") as fresh:
            fresh.write_text("half")
            raise error
        assert content(tmp_path) == {"a.keras": "old"}

    def test_a_full_disk(self, tmp_path):
        (tmp_path / "a.keras").write_text("old")
        with (
            pytest.raises(ArtifactError, match=r"a\.keras' cannot be written: .*Nothing was"),
            disk_full_after(2000),
            fresh_file(tmp_path / "a.keras") as fresh,
        ):
            fresh.write_text("x" * 10_000)
        assert content(tmp_path) == {"a.keras": "old"}

    def test_a_folder_that_nobody_writes_to(self):
        # Not even root can make files there.
        with pytest.raises(ArtifactError, match=r"'/proc/a\.keras' cannot be written"):
            check_file("/proc/a.keras", (".keras",))

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("a.txt", r"must end in '\.keras'.*Write '.*a\.keras'"),
            ("", r"must end in '\.keras'.*Write 'model\.keras'"),
            (".", r"must end in '\.keras'"),
            ("/", r"must end in '\.keras'"),
            ("no/a.keras", r"folder '.*no' does not exist.*mkdir -p"),
            ("file/a.keras", "is no folder"),
            ("folder.keras", r"is a folder, `path` must name a file. Write '.*folder_new\.keras'"),
            ("pipe.keras", "is no ordinary file"),
            ("circle.keras", r"nowhere|cannot be written"),
            (f"{'x' * 300}.keras", "cannot be written"),
            ("a\0.keras", "null character"),
            (None, "must be a string or a `pathlib.Path`, received None"),
            (b"a.keras", "must be a string"),
        ],
    )
    def test_refused_at_once(self, tmp_path, monkeypatch, name, words):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "file").write_text("mine")
        (tmp_path / "folder.keras").mkdir()
        os.mkfifo(tmp_path / "pipe.keras")
        (tmp_path / "circle.keras").symlink_to(tmp_path / "circle.keras")
        before = sorted(os.listdir(tmp_path))
        with pytest.raises(ArtifactError, match=words):
            check_file(name, (".keras",))
        assert sorted(os.listdir(tmp_path)) == before

    def test_a_link_stays_one(self, tmp_path):
        (tmp_path / "real.keras").write_text("old")
        (tmp_path / "a.keras").symlink_to(tmp_path / "real.keras")
        with fresh_file(tmp_path / "a.keras") as fresh:
            fresh.write_text("new")
        assert (tmp_path / "a.keras").is_symlink()
        assert (tmp_path / "real.keras").read_text() == "new"


def killed_while_it_writes(path: Path, kind: str) -> None:
    """Another process, which is killed while it writes to `path`."""
    code = f"""
        import os, signal
        from pathlib import Path
        from kerasnas.files import fresh_file, fresh_folder
        with {kind}({str(path)!r}) as fresh:
            if "folder" in {kind!r}:
                (fresh / "inner").mkdir(parents=True)
                fresh = fresh / "inner" / "a"
            fresh.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(code)]).returncode != 0


class TestLeftovers:
    @pytest.mark.parametrize("kind", ["fresh_file", "fresh_folder"])
    def test_of_a_killed_process_go_at_the_next_save(self, tmp_path, kind):
        killed_while_it_writes(tmp_path / "a", kind)
        assert len(os.listdir(tmp_path)) == 1
        with fresh_file(tmp_path / "a") as fresh:
            fresh.write_text("new")
        assert content(tmp_path) == {"a": "new"}

    def test_of_a_process_that_still_writes_stay(self, tmp_path):
        with fresh_file(tmp_path / "a") as first:
            first.write_text("first")
            with fresh_file(tmp_path / "b") as second:
                second.write_text("second")
            assert first.read_text() == "first"
        assert content(tmp_path) == {"a": "first", "b": "second"}

    def test_what_only_looks_like_one_is_the_users(self, tmp_path):
        held = tmp_path / f".kerasnas-{'0' * 12}"
        named = [
            tmp_path / ".kerasnas-notes" / leftovers.HELD,  # another name
            tmp_path / f".kerasnas-{'1' * 12}" / "new.keras",  # without the file of a lock
            held / leftovers.HELD,
            held / "notes.txt",  # kerasnas writes no such name
            tmp_path / "elsewhere" / leftovers.HELD,
        ]
        for place in named:
            place.parent.mkdir(exist_ok=True)
            place.write_text("mine")
        (tmp_path / f".kerasnas-{'2' * 12}").symlink_to(tmp_path / "elsewhere")
        (tmp_path / f".kerasnas-{'3' * 12}").write_text("a file")
        before = content(tmp_path)
        with fresh_file(tmp_path / "a") as fresh:
            fresh.write_text("new")
        del before[f"{held.name}/{leftovers.HELD}"]
        assert content(tmp_path) == {**before, "a": "new"}

    def test_a_disk_without_locks_is_written_to_and_not_swept(self, tmp_path, monkeypatch):
        killed_while_it_writes(tmp_path / "a", "fresh_file")

        def no_locks(*_):
            raise NotImplementedError

        monkeypatch.setattr(leftovers, "locked", no_locks)
        with fresh_file(tmp_path / "a") as fresh:
            fresh.write_text("new")
        assert (tmp_path / "a").read_text() == "new"
        assert len(os.listdir(tmp_path)) == 2


class TestFolder:
    def test_a_new_folder_names_its_files(self, tmp_path):
        write_folder(tmp_path / "p", b="b")
        assert set(content(tmp_path)) == {"p", "p/inner", "p/inner/a", "p/b", f"p/{MARKER}"}

    def test_what_kerasnas_wrote_is_replaced(self, tmp_path):
        write_folder(tmp_path / "p", b="old")
        write_folder(tmp_path / "p", c="new")
        assert set(content(tmp_path)) == {"p", "p/inner", "p/inner/a", "p/c", f"p/{MARKER}"}

    def test_an_empty_folder_is_replaced(self, tmp_path):
        (tmp_path / "p").mkdir()
        write_folder(tmp_path / "p", b="b")
        assert (tmp_path / "p" / "b").read_text() == "b"

    @pytest.mark.parametrize("added", ["mine.txt", "inner/mine.txt", "sub", "link", "b", MARKER])
    def test_what_the_user_added_or_changed_is_kept(self, tmp_path, added):
        path = tmp_path / "p"
        write_folder(path, b="b")
        if added == "sub":
            (path / "sub").mkdir()
        elif added == "link":
            (path / "link").symlink_to(path / "b")
        else:
            (path / added).write_text("mine")
        before = content(tmp_path)
        with pytest.raises(ArtifactError, match="did not write") as caught:
            write_folder(path, c="c")
        assert f"`{added}`" in str(caught.value)
        assert content(tmp_path) == before

    @pytest.mark.parametrize("place", ["../mine.txt", "{folder}/mine.txt"])
    def test_a_marker_of_somebody_else_leads_to_no_other_file(self, tmp_path, place):
        """Only what is in the folder is removed, whatever its marker names."""
        (tmp_path / "mine.txt").write_text("mine")
        write_folder(tmp_path / "p", b="b")
        marker = json.loads((tmp_path / "p" / MARKER).read_text())
        marker["files"][place.format(folder=tmp_path)] = "any"
        (tmp_path / "p" / MARKER).write_text(json.dumps(marker))
        write_folder(tmp_path / "p", c="c")
        assert (tmp_path / "mine.txt").read_text() == "mine"
        assert (tmp_path / "p" / "c").read_text() == "c"

    def test_a_file_that_comes_while_the_folder_is_written_is_kept(self, tmp_path):
        path = tmp_path / "p"
        write_folder(path, b="b")
        with pytest.raises(ArtifactError, match=r"`late\.txt`"), fresh_folder(path) as fresh:
            fresh.mkdir()
            (path / "late.txt").write_text("mine")
        assert content(tmp_path)["p/late.txt"] == "mine"
        assert content(tmp_path)["p/b"] == "b"
        assert os.listdir(tmp_path) == ["p"]

    @pytest.mark.parametrize("step", ["write", "mark", "in place"])
    def test_a_failure_changes_nothing(self, tmp_path, monkeypatch, step):
        write_folder(tmp_path / "p", b="b")
        before = content(tmp_path)

        def fail(*_):
            raise OSError(28, "No space left on device")

        if step == "mark":
            monkeypatch.setattr(files, "_mark", fail)
        elif step == "in place":
            rename = Path.rename
            monkeypatch.setattr(
                Path, "rename", lambda a, b: fail() if a.name == "new" else rename(a, b)
            )
        with (
            pytest.raises(ArtifactError, match=r"No space left on device\. Nothing was changed"),
            fresh_folder(tmp_path / "p") as fresh,
        ):
            fresh.mkdir()
            (fresh / "c").write_text("c")
            if step == "write":
                fail()
        assert content(tmp_path) == before

    @pytest.mark.parametrize("empty", [True, False])
    @pytest.mark.parametrize("name", [".", "..", "work", "work/..", "~", "/"])
    def test_folders_in_use_are_refused_whatever_is_in_them(
        self, tmp_path, monkeypatch, name, empty
    ):
        (tmp_path / "work").mkdir()
        (tmp_path / "home").mkdir()
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        monkeypatch.chdir(tmp_path / "work")
        if not empty:
            (tmp_path / "work" / "notes.txt").write_text("mine")
            (tmp_path / "home" / "notes.txt").write_text("mine")
        before = content(tmp_path)
        path = {"work": tmp_path / "work", "work/..": "../work/..", "~": tmp_path / "home"}
        with pytest.raises(ArtifactError, match=r"is not replaced\. Name a new folder: '.*model"):
            check_folder(path.get(name, name))
        assert content(tmp_path) == before

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("mine", r"did not write: `a`, `b`, `c` and others.*Write '.*mine_new'"),
            ("file", r"is a file, `path` must name a folder. Write '.*file_new'"),
            ("link", r"is a link, and a link is not replaced"),
            ("no/p", r"folder '.*no' does not exist"),
            ("a\0", "null character"),
            (7, "must be a string"),
        ],
    )
    def test_refused_at_once(self, tmp_path, name, words):
        (tmp_path / "mine").mkdir()
        for part in "abcd":
            (tmp_path / "mine" / part).write_text("mine")
        (tmp_path / "mine" / "d").unlink()
        (tmp_path / "mine" / "d").mkdir()
        (tmp_path / "file").write_text("mine")
        (tmp_path / "empty").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "empty")
        before = content(tmp_path)
        with pytest.raises(ArtifactError, match=words):
            check_folder(name if name == 7 else tmp_path / name)
        assert content(tmp_path) == before

    def test_a_folder_that_nobody_writes_to(self):
        with pytest.raises(ArtifactError, match=r"'/proc/p' cannot be written"):
            check_folder("/proc/p")
