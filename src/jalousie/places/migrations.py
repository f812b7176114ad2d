"""The store's schema as numbered steps. A step that was published is never edited: a change is a new step at the end.

SQLite's `user_version` says how many steps a file has seen. Budgets are whole billionths of rho.
"""

from __future__ import annotations

from typing import Final

STEPS: Final[tuple[str, ...]] = (
    """
    CREATE TABLE leaf (number INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
    CREATE TABLE cosignature (size INTEGER NOT NULL, note TEXT NOT NULL, PRIMARY KEY (size, note)) STRICT, WITHOUT ROWID;

    CREATE TABLE contract (
        digest TEXT PRIMARY KEY,
        text BLOB NOT NULL,
        erased INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    -- never deleted, not even with its contract: budget does not come back
    CREATE TABLE reservation (
        contract TEXT NOT NULL,
        label TEXT NOT NULL,
        column_name TEXT NOT NULL,
        reserved INTEGER NOT NULL CHECK (reserved >= 0),
        lifetime INTEGER NOT NULL CHECK (lifetime >= 0),
        PRIMARY KEY (contract, label)
    ) STRICT;
    CREATE INDEX reservation_by_column ON reservation (column_name);

    CREATE TABLE population (
        number INTEGER PRIMARY KEY,
        contract TEXT NOT NULL REFERENCES contract,
        digest TEXT NOT NULL,
        size INTEGER NOT NULL,
        pseudonyms BLOB NOT NULL,
        UNIQUE (contract, digest)
    ) STRICT;
    -- which records of a population were asked about, one bit each
    CREATE TABLE asked (
        number INTEGER PRIMARY KEY,
        population INTEGER NOT NULL REFERENCES population,
        digest TEXT NOT NULL,
        bits BLOB NOT NULL,
        UNIQUE (population, digest)
    ) STRICT;

    CREATE TABLE question (
        number INTEGER PRIMARY KEY,
        contract TEXT NOT NULL REFERENCES contract,
        digest TEXT NOT NULL,
        label TEXT NOT NULL,
        population TEXT NOT NULL,
        asked INTEGER REFERENCES asked,
        partitions INTEGER NOT NULL,
        groups INTEGER NOT NULL,
        spent INTEGER NOT NULL CHECK (spent >= 0),
        moment INTEGER NOT NULL,
        minute TEXT NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('spent', 'answered', 'replayed', 'refused')),
        code TEXT NOT NULL DEFAULT '',
        entry INTEGER NOT NULL,
        answer BLOB
    ) STRICT;
    CREATE INDEX question_by_digest ON question (contract, digest);
    CREATE INDEX question_by_number ON question (contract, number);

    -- noisy counts that were answered, by the partition's canonical digest: given again, never drawn again
    CREATE TABLE memo (
        contract TEXT NOT NULL REFERENCES contract,
        label TEXT NOT NULL,
        partition TEXT NOT NULL,
        counts BLOB NOT NULL,
        question INTEGER NOT NULL REFERENCES question,
        PRIMARY KEY (contract, label, partition)
    ) STRICT;

    -- requests received, kept while their minute is near enough to be sent again
    CREATE TABLE seen (
        sender TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        minute TEXT NOT NULL,
        PRIMARY KEY (sender, sequence)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX seen_by_minute ON seen (minute);
    """,
    """
    -- whose records count, for the life of a contract: 32 bytes each, some more at every start that finds new ones
    CREATE TABLE chosen (
        number INTEGER PRIMARY KEY,
        contract TEXT NOT NULL REFERENCES contract,
        pairs BLOB NOT NULL
    ) STRICT;
    CREATE INDEX chosen_by_contract ON chosen (contract);

    -- what is true of the whole place; `master-key`: the fingerprint of the key that all pseudonyms are made under
    CREATE TABLE place (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

    -- what a lifetime in rho does not tell: delta of Gaussian noise, epsilon and lifetime epsilon of Laplace noise
    ALTER TABLE reservation ADD COLUMN delta REAL;
    ALTER TABLE reservation ADD COLUMN epsilon REAL;
    ALTER TABLE reservation ADD COLUMN lifetime_epsilon REAL;
    -- the text of an erased contract is gone: its rho counts as that of Gaussian noise, which costs no less epsilon
    CREATE TABLE part AS SELECT digest, CASE WHEN json_valid(CAST(text AS TEXT))
        THEN json_extract(CAST(text AS TEXT), '$.feedback') ELSE '{}' END AS text FROM contract;
    UPDATE reservation SET delta = coalesce(json_extract(part.text, '$.delta'), 1e-6)
        FROM part WHERE part.digest = contract AND coalesce(json_extract(part.text, '$.noise'), '') <> 'laplace';
    UPDATE reservation SET epsilon = coalesce(json_extract(part.text, '$.epsilon'), 1.0),
        lifetime_epsilon = coalesce(json_extract(part.text, '$."lifetime-epsilon"'),
            coalesce(json_extract(part.text, '$.epsilon'), 1.0) * (SELECT count(*) FROM reservation other
                WHERE other.contract = reservation.contract AND other.column_name = reservation.column_name))
        FROM part WHERE part.digest = contract AND json_extract(part.text, '$.noise') = 'laplace';
    DROP TABLE part;
    """,
)
