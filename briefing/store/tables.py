"""Tables of the pipeline: articles, editions, the ledger."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from subscribers.tables import Identity, Moment, metadata

articles = Table(
    "articles",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("uid", String(64), nullable=False, unique=True),
    Column("source", String(200), nullable=False),
    Column("section", String(63), nullable=False),
    Column("headline", Text, nullable=False),
    Column("standfirst", Text, nullable=False),
    Column("body", JSON, nullable=False),
    Column("byline", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("image", JSON),
    Column("credits", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("language", String(35), nullable=False),
    Column("published_at", Moment, nullable=False, index=True),
    Column("embargo_until", Moment),
    Column("first_seen_at", Moment, nullable=False, index=True),
    Column("updated_at", Moment, nullable=False),
)

source_states = Table(
    "source_states",
    metadata,
    Column("name", String(200), primary_key=True),
    # Validators of the last answer, for conditional requests (RFC 9110, section 13).
    Column("etag", Text, nullable=False, server_default=""),
    Column("modified", Text, nullable=False, server_default=""),
    Column("polled_at", Moment),
    Column("succeeded_at", Moment),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("error", Text, nullable=False, server_default=""),
    Column("retry_at", Moment),
    # Why its document was given up last, and how much that still weighs.
    Column("killed", String(16), nullable=False, server_default=""),
    Column("kills", Integer, nullable=False, server_default="0"),
)

editions = Table(
    "editions",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("briefing", String(63), nullable=False),
    Column("day", Date, nullable=False),
    Column("slot", String(63), nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("due_at", Moment, nullable=False),
    # The window of news this edition answers for; windows of one briefing meet end to end.
    Column("window_start", Moment, nullable=False),
    Column("window_end", Moment, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("approved_revision", Integer),
    Column("approved_by", String(200), nullable=False, server_default=""),
    Column("approved_at", Moment),
    Column("subject", Text, nullable=False, server_default=""),
    Column("preheader", Text, nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default=""),
    Column("corrections", JSON, nullable=False, server_default="[]"),
    Column("reason", Text, nullable=False, server_default=""),
    Column("created_at", Moment, nullable=False),
    Column("sending_started_at", Moment),
    Column("finished_at", Moment),
    # True once a person has shaped the draft: from then on the machine only adds to it.
    Column("touched", Boolean, nullable=False, server_default=false()),
    # Set by an operator or by a fault that would hit every reader; senders look at it between
    # messages.
    Column("paused", Boolean, nullable=False, server_default=false()),
    Column("pause_reason", Text, nullable=False, server_default=""),
    # Promise 1: one edition per briefing, day and slot.
    UniqueConstraint("briefing", "day", "slot"),
)

edition_stories = Table(
    "edition_stories",
    metadata,
    Column("edition_id", Identity, ForeignKey("editions.id", ondelete="CASCADE"), primary_key=True),
    Column("article_id", Identity, ForeignKey("articles.id"), primary_key=True, index=True),
    Column("section", String(63), nullable=False),
    Column("position", Integer, nullable=False),
    Column("treatment", String(10), nullable=False),
    Column("headline", Text, nullable=False, server_default=""),
    Column("standfirst", Text, nullable=False, server_default=""),
    Column("pinned", Boolean, nullable=False, server_default=false()),
    # The path of the alert that told it, or a copy of it, first.
    Column("update_of", String(200), nullable=False, server_default=""),
    # Why it was taken out by hand; empty while it stands in the edition.
    Column("dropped", Text, nullable=False, server_default=""),
)

revisions = Table(
    "revisions",
    metadata,
    Column("edition_id", Identity, ForeignKey("editions.id", ondelete="CASCADE"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    # The whole edition with its articles as approved (promise 7), so that a later change of an
    # article, or a variant first asked for after approval, cannot alter it.
    Column("snapshot", JSON, nullable=False),
    Column("approved_by", String(200), nullable=False),
    Column("approved_at", Moment, nullable=False),
)

compositions = Table(
    "compositions",
    metadata,
    Column("edition_id", Identity, ForeignKey("editions.id", ondelete="CASCADE"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("variant", String(1000), primary_key=True),
    # True when the chosen sections hold no story: those readers are skipped.
    Column("empty", Boolean, nullable=False, server_default=false()),
    Column("subject", Text, nullable=False, server_default=""),
    Column("preheader", Text, nullable=False, server_default=""),
    Column("html", Text, nullable=False, server_default=""),
    Column("text", Text, nullable=False, server_default=""),
    Column("language", String(35), nullable=False, server_default=""),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column(
        "edition_id",
        Identity,
        primary_key=True,
        autoincrement=False,
    ),
    # No foreign keys: erasing a person keeps the row, which names nobody, editions are never
    # deleted, and a million checks would double the time of freezing an audience.
    Column("recipient_id", Identity, primary_key=True, autoincrement=False),
    # waiting | sending | sent | refused | skipped | unknown
    Column("state", String(8), nullable=False),
    # A `DeliveryReason`; and the status code (RFC 3463, or SMTP's own) that it comes with.
    Column("reason", Text, nullable=False, server_default=""),
    Column("status", String(40), nullable=False, server_default=""),
    # The reader of a row that waits, or was skipped, may have the message already.
    Column("may_have_it", Boolean, nullable=False, server_default=false()),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # Not before, and handed over at, in milliseconds since 1970 UTC: a million rows a day are
    # too many for text.
    Column("due", BigInteger, nullable=False, server_default="0"),
    Column("at", BigInteger),
    # The mail server's last words on this message: its queue number, or why it refused.
    Column("answer", Text, nullable=False, server_default=""),
    sqlite_with_rowid=False,
    # State changes stay on the page (HOT updates): no index holds the state, and there is room.
    postgresql_with={"fillfactor": 80},
)

chunks = Table(
    "chunks",
    metadata,
    Column("edition_id", Identity, ForeignKey("editions.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("first_id", BigInteger, nullable=False),
    Column("last_id", BigInteger, nullable=False),
    Column("done", Boolean, nullable=False, server_default=false()),
    # A lease with fencing: taking a chunk raises `fence`, and every write of a sender names the
    # fence it took, so that one who only seemed dead cannot write beside its successor.
    Column("owner", String(100), nullable=False, server_default=""),
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("lease_until", BigInteger, nullable=False, server_default="0"),
    # Not before, in milliseconds: when its earliest retry comes due.
    Column("due", BigInteger, nullable=False, server_default="0"),
)
edition_sums = Table(
    "edition_sums",
    metadata,
    # What became of readers whose rows were compacted away.
    Column("edition_id", Identity, ForeignKey("editions.id", ondelete="CASCADE"), primary_key=True),
    Column("state", String(8), primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("status", String(40), primary_key=True, server_default=""),
    Column("may_have_it", Boolean, primary_key=True, server_default=false()),
    Column("readers", BigInteger, nullable=False),
)

rate_limits = Table(
    "rate_limits",
    metadata,
    # "" for all mail, else a recipient domain; and until when (ms) its time is taken.
    Column("name", String(255), primary_key=True),
    Column("free_at", BigInteger, nullable=False),
)

sent_counts = Table(
    "sent_counts",
    metadata,
    # Messages handed over on a day, for the warm-up of a new sender.
    Column("day", Date, primary_key=True),
    Column("messages", BigInteger, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    # Single mails that wait: about a confirmation, a welcome, a change, an edition. A row goes as
    # soon as its mail is handed over, and with the person or the confirmation it is about.
    Column("id", Identity, primary_key=True, autoincrement=True),
    # confirm | welcome | moved | restored | ready | deadline | errors | alert
    Column("kind", String(10), nullable=False),
    Column("briefing", String(63), nullable=False),
    Column(
        "confirmation",
        BigInteger,
        ForeignKey("confirmations.key", ondelete="CASCADE"),
        index=True,
    ),
    Column("subscriber_id", Identity, ForeignKey("subscribers.id", ondelete="CASCADE"), index=True),
    # What an editor is told of, and who it is.
    Column("edition_id", Identity, ForeignKey("editions.id", ondelete="CASCADE")),
    Column("user_id", Identity, ForeignKey("users.id", ondelete="CASCADE")),
    # Only where it is neither the person's nor the confirmation's.
    Column("address", String(320), nullable=False, server_default=""),
    Column("queued_at", Moment, nullable=False),
    # Not before; moved on by a claim as well, so that a claimant who died is succeeded.
    Column("due", Moment, nullable=False, index=True),
    # Raised by each claim: who was succeeded hands nothing over any more.
    Column("attempts", Integer, nullable=False, server_default="0"),
    # Set before the byte that makes the mail server responsible: it is never sent again then.
    Column("handed_at", Moment),
)

edition_edits = Table(
    "edition_edits",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("edition_id", Identity, ForeignKey("editions.id", ondelete="CASCADE"), nullable=False),
    # The revision it made, or, for a decision, was made on.
    Column("revision", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    # A user's name, which outlives the user; "" for the machine.
    Column("who", String(200), nullable=False),
    Column("kind", String(20), nullable=False),
    # [[article id or null, field, before, after], …]
    Column("changes", JSON, nullable=False, server_default="[]"),
    Column("note", Text, nullable=False, server_default=""),
    # The entry that an undo or redo is about, and the one that took this one back.
    Column("of", BigInteger),
    Column("undone_by", BigInteger),
)

edition_waivers = Table(
    "edition_waivers",
    metadata,
    # Lint warnings that somebody has answered for.
    Column("edition_id", Identity, ForeignKey("editions.id", ondelete="CASCADE"), primary_key=True),
    Column("rule", String(100), primary_key=True),
    Column("place", String(400), primary_key=True),
    # A mark of the words that were answered for: of others it says nothing.
    Column("about", String(64), primary_key=True, server_default=""),
    Column("who", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Moment, nullable=False),
)

edition_reminders = Table(
    "edition_reminders",
    metadata,
    # Mails to editors that were queued: the key sees to it that none is queued twice.
    Column("edition_id", Identity, ForeignKey("editions.id", ondelete="CASCADE"), primary_key=True),
    # ready | deadline
    Column("kind", String(10), primary_key=True),
    Column("at", Moment, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("name", String(100), nullable=False),
    # The name as compared: case and Unicode folded.
    Column("name_key", String(200), nullable=False, unique=True),
    Column("email", String(320), nullable=False, server_default=""),
    # editor | publisher | operator
    Column("role", String(10), nullable=False),
    # Argon2id, with its parameters (RFC 9106).
    Column("password", String(200), nullable=False),
    # Base32 (RFC 6238), "" without a second factor; and the last time step a code was taken of,
    # since none may be used twice.
    Column("totp_secret", String(64), nullable=False, server_default=""),
    Column("totp_step", BigInteger, nullable=False, server_default="0"),
    Column("disabled", Boolean, nullable=False, server_default=false()),
    Column("created_at", Moment, nullable=False),
)

user_sessions = Table(
    "user_sessions",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column(
        "user_id",
        Identity,
        ForeignKey("users.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    # SHA-256 of the cookie's random token: a copy of the database opens no session.
    Column("mark", String(64), nullable=False, unique=True),
    Column("agent", String(200), nullable=False, server_default=""),
    Column("created_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
)

edition_presence = Table(
    "edition_presence",
    metadata,
    Column("edition_id", Identity, ForeignKey("editions.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", Identity, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    # The article they are at; NULL for the edition as a whole.
    Column("story", BigInteger),
    Column("seen_at", Moment, nullable=False),
)

Index("ix_chunks_open", chunks.c.edition_id, chunks.c.done)
Index("ix_edition_edits_log", edition_edits.c.edition_id, edition_edits.c.id)

return_events = Table(
    "return_events",
    metadata,
    # What came back about mail that was sent; which of it changes something, `briefing.returns`
    # decides. Opened, clicked and delivered are only counted.
    Column("id", Identity, primary_key=True, autoincrement=True),
    # mail | ses | mailgun | postmark | resend | sendgrid | brevo
    Column("provider", String(10), nullable=False),
    # SHA-256 of what tells the provider's events apart.
    Column("mark", String(64), nullable=False),
    Column("kind", String(12), nullable=False),
    # When it happened, as the provider says, and when we were told.
    Column("at", Moment, nullable=False),
    Column("received_at", Moment, nullable=False, index=True),
    # No foreign key, as in the ledger. NULL where nothing says which edition it was.
    Column("edition_id", BigInteger),
    # It goes with the person: it holds the address. NULL for an address that is not on the roll.
    Column("subscriber_id", Identity, ForeignKey("subscribers.id", ondelete="CASCADE"), index=True),
    Column("status", String(12), nullable=False, server_default=""),
    Column("words", String(500), nullable=False, server_default=""),
    # marked | vouched | unmarked, and the code of the reason.
    Column("belief", String(8), nullable=False, server_default="unmarked"),
    Column("ground", String(12), nullable=False, server_default=""),
    # What a provider declared beside it: permanent | suppressed | "".
    Column("declared", String(10), nullable=False, server_default=""),
    # What it changed: suppressed | unsubscribed | counted | noted, or why nothing: repeated |
    # outdated | "".
    Column("effect", String(12), nullable=False, server_default=""),
    # What nobody vouches for waits for an operator: open | accepted | dismissed | "".
    Column("review", String(9), nullable=False, server_default=""),
    Column("reviewed_at", Moment),
    Column("reviewed_by", String(100), nullable=False, server_default=""),
    Column("raw", Text, nullable=False, server_default=""),
    # Nothing is done twice.
    UniqueConstraint("provider", "mark"),
)

Index("ix_return_events_belief", return_events.c.belief, return_events.c.review)

return_counts = Table(
    "return_counts",
    metadata,
    Column("day", Date, primary_key=True),
    Column("provider", String(10), primary_key=True),
    Column("kind", String(12), primary_key=True),
    Column("events", BigInteger, nullable=False),
)

hook_tokens = Table(
    "hook_tokens",
    metadata,
    # SHA-256 of what a provider signs and uses once, and until when it would be believed.
    Column("mark", String(64), primary_key=True),
    Column("until", Moment, nullable=False, index=True),
)
