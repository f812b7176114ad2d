"""Is a place fit for its work? Keys, store, clock, contract, and the other side; every check says how to mend what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal

from jalousie.errors import JalousieError, StoreError, WireError
from jalousie.places.agreement import first_disagreement
from jalousie.places.connection import CONNECT_SECONDS, Connection, Unreached
from jalousie.places.keys import KeyStore
from jalousie.places.provider import require_own_key
from jalousie.places.store import FILE, Store
from jalousie.wire.envelope import CLOCK_MINUTES

Status = Literal["ok", "note", "fail"]
_BUILT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `note`: fine for now, but read it."""

    name: str
    status: Status
    text: str
    hint: str = ""


def examine(
    home: Path,
    *,
    contract: Path | None = None,
    url: str = "",
    authorities: Path | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> list[Check]:
    """All checks that the arguments allow, in the order in which things are needed.

    `authorities`: certificates (PEM) that the service's is checked against, instead of the system's.
    """
    found = [_folder(home), *_keys(home), _store(home), _clock(now())]
    if contract is not None:
        found += _contract(contract, home)
    if url:
        found += _service(url, authorities, now)
    return found


def _folder(home: Path) -> Check:
    if not home.is_dir():
        return Check("folder", "fail", "there is no folder for keys and store yet", "jalousie keys new")
    if home.stat().st_mode & 0o077:
        return Check("folder", "note", "others can list the folder of keys and store", "chmod 700 on the folder")
    return Check("folder", "ok", "only its owner can read the folder of keys and store")


def _keys(home: Path) -> Iterator[Check]:
    keys = KeyStore(home)
    try:
        yield Check("signing key", "ok", f"public half {keys.signing().public.text}")
    except JalousieError as error:
        yield _failed("signing key", error)
    try:
        bound = _bound(home, keys)
        if not keys.has_master():
            yield Check("master key", "note", "not made yet; a provider's is made when it is first needed")
            return
        keys.master()
        yield Check("master key", "ok", f"readable by its owner alone{', and that of the store' if bound else ''}")
    except JalousieError as error:
        yield _failed("master key", error)


def _bound(home: Path, keys: KeyStore) -> bool:
    """Whether the store belongs to this key. Raises StoreError S805 if it belongs to another, or the key is missing."""
    if not (home / FILE).exists():
        return False
    try:
        store = Store(home / FILE)
    except StoreError:
        return False  # told by the check of the store
    try:
        require_own_key(store, keys)
        return bool(store.master_key())
    finally:
        store.close()


def _store(home: Path) -> Check:
    if not (home / FILE).exists():
        return Check("store", "note", "not made yet; a provider's is made when it first serves")
    try:
        store = Store(home / FILE)
        try:
            if not store.check():
                return Check("store", "fail", "SQLite finds it damaged", "restore it from your backup")
            different = first_disagreement(store)
            if different:
                return Check("store", "fail", different, "it was changed by hand, or restored in part; ask how")
            sizes = f"{store.leaves()} ledger entries, {len(store.contracts())} contracts"
            return Check("store", "ok", f"sound, and what its ledger says; {sizes}")
        finally:
            store.close()
    except JalousieError as error:
        return _failed("store", error)


def _clock(now: datetime) -> Check:
    if now < _BUILT:
        return Check("clock", "fail", "the clock shows a time before this software", "set the clock; use NTP")
    return Check("clock", "ok", f"{now.strftime('%Y-%m-%dT%H:%MZ')} (UTC)")


def _contract(path: Path, home: Path) -> Iterator[Check]:
    from jalousie.contract import digest, load_contract

    try:
        loaded = load_contract(path)
    except JalousieError as error:
        yield _failed("contract", error)
        return
    contract = loaded.contract
    yield Check("contract", "ok", digest(contract))
    if contract.feedback is None:
        yield Check("questions", "note", "the contract has no feedback part: nothing is answered under it")
        return
    missing = [
        name
        for name, key in (
            ("provider-key", contract.parties.provider_key),
            ("ml-party-key", contract.parties.ml_party_key),
        )
        if not key
    ]
    if missing:
        yield Check(
            "parties", "fail", f"the contract lacks {', '.join(missing)}", "jalousie keys show prints a party's key"
        )
    else:
        yield _party(home, contract.parties.provider_key, contract.parties.ml_party_key)
    table = loaded.folder / contract.table.file if contract.table.file else None
    if table is not None and not table.is_file():
        yield Check("table", "note", "the contract's table is not here: this place can ask, not answer")


def _party(home: Path, provider: str, ml_party: str) -> Check:
    try:
        own = KeyStore(home).signing().public.text
    except JalousieError as error:
        return _failed("parties", error)
    if own not in (provider, ml_party):
        return Check("parties", "fail", "the contract names other keys than this place's", "jalousie keys show")
    return Check("parties", "ok", f"this place is the {'provider' if own == provider else 'ML party'}")


def _service(url: str, authorities: Path | None, now: Callable[[], datetime]) -> Iterator[Check]:
    unreached = WireError("W607", "it cannot be reached", hint="is it running, and is the address right?")
    try:
        connection = Connection(url, authorities, seconds=CONNECT_SECONDS)
        try:
            answer = connection.request("GET", "/health")
        finally:
            connection.close()
        stated = parsedate_to_datetime(answer.headers["date"])
        if answer.status != 200:
            raise unreached
    except WireError as error:
        yield _failed("service", error)
        return
    except (Unreached, KeyError, ValueError, TypeError):
        yield _failed("service", unreached)
        return
    yield Check("service", "ok", "it answers")
    apart = abs((now() - stated).total_seconds())
    if apart > CLOCK_MINUTES * 60:
        yield Check("clocks", "fail", f"this clock and the service's are {apart / 60:.0f} minutes apart", "use NTP")
    else:
        yield Check("clocks", "ok", f"{apart:.0f} s apart; {CLOCK_MINUTES} minutes are allowed")


def _failed(name: str, error: JalousieError) -> Check:
    return Check(name, "fail", f"[{error.code}] {error.message}", error.hint)
