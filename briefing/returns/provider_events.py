"""What providers' events mean: one table, each row with the page it comes from.

`kind` None leaves it to the server's own words (`classify`). `declared` is what the provider says
beside them: that an address is permanently undeliverable, or on its list of such, from where it
sends nothing more. What a server says against us or the message (`blocked`) is not taken for the
reader's end, whatever the provider calls it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from briefing.returns.classify import judge
from briefing.store.returns import Declared, EventKind

__all__ = ["EVENTS", "Meaning", "Row", "first_known", "meaning_of"]

_PERMANENT, _SUPPRESSED = Declared.PERMANENT, Declared.SUPPRESSED
_K = EventKind


class Row(NamedTuple):
    """`passing` says that the provider calls it temporary: it is not hard, whatever the words."""

    kind: EventKind | None
    source: str
    declared: Declared = Declared.NOTHING
    passing: bool = False


class Meaning(NamedTuple):
    """What an event comes to."""

    kind: EventKind
    declared: Declared = Declared.NOTHING


def meaning_of(provider: str, name: str, status: str = "", words: str = "") -> Meaning:
    """What a provider's event of a name means, with the server's status and words; `unknown` for a
    name that is not in the table."""
    row = EVENTS[provider].get(_fold(name))
    if row is None:
        return Meaning(EventKind.UNKNOWN)
    kind = judge(status, words) if row.kind is None else row.kind
    if row.passing and kind is EventKind.HARD:
        kind = EventKind.SOFT
    against_us = row.kind is None and kind is EventKind.BLOCKED
    return Meaning(kind, Declared.NOTHING if against_us else row.declared)


def first_known(provider: str, *names: str) -> str:
    """The first of these names, the most particular first, that is in the table; the last one
    where none is."""
    return next((name for name in names if _fold(name) in EVENTS[provider]), names[-1])


def _fold(name: str) -> str:
    """Letters, digits and slashes in lower case: "hard_bounce", "hardBounce", "Hard Bounce"."""
    return re.sub(r"[^a-z0-9/]", "", name[:100].lower())


_SES_EVENTS = (
    "https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html"
)
_SES_BOUNCES = "https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounce-types"
_SES_TOPICS = "https://docs.aws.amazon.com/ses/latest/dg/configure-sns-notifications.html"
_SES_LISTS = "https://docs.aws.amazon.com/ses/latest/dg/sending-email-subscription-management.html"
_MAILGUN_EVENTS = "https://documentation.mailgun.com/docs/mailgun/user-manual/events/events"
_MAILGUN_CODES = (
    "https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/smtp-error-codes"
)
_POSTMARK_HOOKS = "https://postmarkapp.com/developer/webhooks/webhooks-overview"
_POSTMARK_BOUNCES = "https://postmarkapp.com/developer/api/bounce-api#bounce-types"
_POSTMARK_CHANGES = "https://postmarkapp.com/developer/webhooks/subscription-change-webhook"
_RESEND_EVENTS = "https://resend.com/docs/webhooks/event-types"
_RESEND_BOUNCES = "https://resend.com/docs/dashboard/emails/email-bounces"
_RESEND_LIST = "https://resend.com/docs/webhooks/suppressions/added"
_SENDGRID_EVENTS = "https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event"
_SENDGRID_DROPS = "https://www.twilio.com/docs/sendgrid/ui/analytics-and-reporting/drops"
_BREVO_EVENTS = "https://developers.brevo.com/docs/transactional-webhooks"
_BREVO_MARKETING = "https://developers.brevo.com/docs/marketing-webhooks"


def _table(rows: Mapping[str, Row]) -> Mapping[str, Row]:
    return {_fold(name): row for name, row in rows.items()}


EVENTS: Final[Mapping[str, Mapping[str, Row]]] = {
    "ses": _table(
        {
            "Delivery": Row(_K.DELIVERED, _SES_EVENTS),
            "DeliveryDelay": Row(_K.DELAYED, _SES_EVENTS),
            "Reject": Row(_K.BLOCKED, _SES_EVENTS),
            "Rendering Failure": Row(_K.BLOCKED, _SES_EVENTS),
            "Send": Row(_K.IGNORED, _SES_EVENTS),
            "Open": Row(_K.IGNORED, _SES_EVENTS),
            "Click": Row(_K.IGNORED, _SES_EVENTS),
            "AmazonSnsSubscriptionSucceeded": Row(_K.IGNORED, _SES_TOPICS),
            "Subscription": Row(_K.IGNORED, _SES_LISTS),
            "Subscription/out": Row(_K.UNSUBSCRIBED, _SES_LISTS),
            # Bounces by type and subtype; a subtype of tomorrow is taken by its type.
            "Permanent": Row(None, _SES_BOUNCES, _PERMANENT),
            "Permanent/Suppressed": Row(_K.SOFT, _SES_BOUNCES, _SUPPRESSED),
            "Permanent/OnAccountSuppressionList": Row(_K.SOFT, _SES_BOUNCES, _SUPPRESSED),
            "Permanent/UnsubscribedRecipient": Row(_K.UNSUBSCRIBED, _SES_BOUNCES),
            "Transient": Row(None, _SES_BOUNCES, passing=True),
            # No server has refused anything: this is what SES makes of a holiday note.
            "Transient/General/silent": Row(_K.REPLIED, _SES_BOUNCES),
            "Transient/MessageTooLarge/silent": Row(_K.BLOCKED, _SES_BOUNCES),
            "Transient/ContentRejected/silent": Row(_K.BLOCKED, _SES_BOUNCES),
            "Transient/AttachmentRejected/silent": Row(_K.BLOCKED, _SES_BOUNCES),
            "Undetermined": Row(None, _SES_BOUNCES, passing=True),
            # Complaints by what the mailbox provider says of them, which may be nothing.
            "Complaint": Row(_K.IGNORED, _SES_EVENTS),
            "Complaint/": Row(_K.COMPLAINED, _SES_EVENTS),
            "Complaint/abuse": Row(_K.COMPLAINED, _SES_EVENTS),
            "Complaint/fraud": Row(_K.COMPLAINED, _SES_EVENTS),
        }
    ),
    "mailgun": _table(
        {
            "delivered": Row(_K.DELIVERED, _MAILGUN_EVENTS),
            "complained": Row(_K.COMPLAINED, _MAILGUN_EVENTS),
            "unsubscribed": Row(_K.UNSUBSCRIBED, _MAILGUN_EVENTS),
            # By Mailgun itself, before anybody was asked.
            "rejected": Row(_K.BLOCKED, _MAILGUN_EVENTS),
            "accepted": Row(_K.IGNORED, _MAILGUN_EVENTS),
            "opened": Row(_K.IGNORED, _MAILGUN_EVENTS),
            "clicked": Row(_K.IGNORED, _MAILGUN_EVENTS),
            "stored": Row(_K.IGNORED, _MAILGUN_EVENTS),
            "list_member_uploaded": Row(_K.IGNORED, _MAILGUN_EVENTS),
            "list_member_upload_error": Row(_K.IGNORED, _MAILGUN_EVENTS),
            "list_uploaded": Row(_K.IGNORED, _MAILGUN_EVENTS),
            "failed/temporary": Row(_K.DELAYED, _MAILGUN_EVENTS),
            # By the reason, where it says more than that it failed.
            "failed/permanent": Row(None, _MAILGUN_EVENTS, _PERMANENT),
            "failed/permanent/old": Row(None, _MAILGUN_CODES, passing=True),
            "failed/permanent/espblock": Row(_K.BLOCKED, _MAILGUN_EVENTS),
            "failed/permanent/suppress-bounce": Row(_K.SOFT, _MAILGUN_CODES, _SUPPRESSED),
            "failed/permanent/suppress-unsubscribe": Row(_K.UNSUBSCRIBED, _MAILGUN_CODES),
            "failed/permanent/suppress-complaint": Row(_K.COMPLAINED, _MAILGUN_CODES),
            "failed/permanent/602": Row(None, _MAILGUN_CODES, passing=True),
            "failed/permanent/605": Row(_K.SOFT, _MAILGUN_CODES, _SUPPRESSED),
            "failed/permanent/606": Row(_K.UNSUBSCRIBED, _MAILGUN_CODES),
            "failed/permanent/607": Row(_K.COMPLAINED, _MAILGUN_CODES),
        }
    ),
    "postmark": _table(
        {
            "Delivery": Row(_K.DELIVERED, _POSTMARK_HOOKS),
            "SpamComplaint": Row(_K.COMPLAINED, _POSTMARK_HOOKS),
            "Open": Row(_K.IGNORED, _POSTMARK_HOOKS),
            "Click": Row(_K.IGNORED, _POSTMARK_HOOKS),
            "Inbound": Row(_K.IGNORED, _POSTMARK_HOOKS),
            "Bounce/HardBounce": Row(None, _POSTMARK_BOUNCES, _PERMANENT),
            "Bounce/BadEmailAddress": Row(None, _POSTMARK_BOUNCES, _PERMANENT),
            "Bounce/SoftBounce": Row(None, _POSTMARK_BOUNCES),
            "Bounce/DnsError": Row(None, _POSTMARK_BOUNCES),
            "Bounce/Unknown": Row(None, _POSTMARK_BOUNCES),
            "Bounce/ManuallyDeactivated": Row(_K.SOFT, _POSTMARK_BOUNCES, _SUPPRESSED),
            "Bounce/InactiveRecipient": Row(_K.SOFT, _POSTMARK_BOUNCES, _SUPPRESSED),
            "Bounce/Transient": Row(_K.DELAYED, _POSTMARK_BOUNCES),
            "Bounce/AutoResponder": Row(_K.REPLIED, _POSTMARK_BOUNCES),
            "Bounce/ChallengeVerification": Row(_K.REPLIED, _POSTMARK_BOUNCES),
            "Bounce/AddressChange": Row(_K.REPLIED, _POSTMARK_BOUNCES),
            "Bounce/Unsubscribe": Row(_K.UNSUBSCRIBED, _POSTMARK_BOUNCES),
            "Bounce/SpamComplaint": Row(_K.COMPLAINED, _POSTMARK_BOUNCES),
            "Bounce/SpamNotification": Row(_K.BLOCKED, _POSTMARK_BOUNCES),
            "Bounce/VirusNotification": Row(_K.BLOCKED, _POSTMARK_BOUNCES),
            "Bounce/Blocked": Row(_K.BLOCKED, _POSTMARK_BOUNCES),
            "Bounce/DMARCPolicy": Row(_K.BLOCKED, _POSTMARK_BOUNCES),
            "Bounce/SMTPApiError": Row(_K.BLOCKED, _POSTMARK_BOUNCES),
            "Bounce/TemplateRenderingFailed": Row(_K.BLOCKED, _POSTMARK_BOUNCES),
            "Bounce/InboundError": Row(_K.IGNORED, _POSTMARK_BOUNCES),
            "Bounce/Unconfirmed": Row(_K.IGNORED, _POSTMARK_BOUNCES),
            "Bounce/Subscribe": Row(_K.IGNORED, _POSTMARK_BOUNCES),
            "Bounce/OpenRelayTest": Row(_K.IGNORED, _POSTMARK_BOUNCES),
            # Of a bounce there is an event besides; this is its suppression.
            "SubscriptionChange": Row(_K.IGNORED, _POSTMARK_CHANGES),
            "SubscriptionChange/HardBounce": Row(_K.IGNORED, _POSTMARK_CHANGES, _SUPPRESSED),
            "SubscriptionChange/SpamComplaint": Row(_K.COMPLAINED, _POSTMARK_CHANGES),
            "SubscriptionChange/ManualSuppression/Recipient": Row(
                _K.UNSUBSCRIBED, _POSTMARK_CHANGES
            ),
            "SubscriptionChange/ManualSuppression": Row(_K.IGNORED, _POSTMARK_CHANGES, _SUPPRESSED),
        }
    ),
    "resend": _table(
        {
            "email.delivered": Row(_K.DELIVERED, _RESEND_EVENTS),
            "email.delivery_delayed": Row(_K.DELAYED, _RESEND_EVENTS),
            "email.complained": Row(_K.COMPLAINED, _RESEND_EVENTS),
            "email.suppressed": Row(_K.SOFT, _RESEND_EVENTS, _SUPPRESSED),
            "email.failed": Row(_K.BLOCKED, _RESEND_EVENTS),
            "email.sent": Row(_K.IGNORED, _RESEND_EVENTS),
            "email.scheduled": Row(_K.IGNORED, _RESEND_EVENTS),
            "email.opened": Row(_K.IGNORED, _RESEND_EVENTS),
            "email.clicked": Row(_K.IGNORED, _RESEND_EVENTS),
            "email.received": Row(_K.IGNORED, _RESEND_EVENTS),
            "contact": Row(_K.IGNORED, _RESEND_EVENTS),
            "contact/out": Row(_K.UNSUBSCRIBED, _RESEND_EVENTS),
            "domain": Row(_K.IGNORED, _RESEND_EVENTS),
            # Of a bounce there is an event besides; this is its suppression.
            "suppression.added": Row(_K.IGNORED, _RESEND_LIST, _SUPPRESSED),
            "suppression.added/complaint": Row(_K.COMPLAINED, _RESEND_LIST),
            "suppression.removed": Row(_K.IGNORED, _RESEND_LIST),
            # Its message is advice for people, which speaks of what the cause may be: where no
            # server's words are given, the type alone counts.
            "email.bounced": Row(None, _RESEND_BOUNCES),
            "email.bounced/silent": Row(_K.SOFT, _RESEND_BOUNCES),
            "email.bounced/Permanent": Row(None, _RESEND_BOUNCES, _PERMANENT),
            "email.bounced/Permanent/silent": Row(_K.SOFT, _RESEND_BOUNCES, _PERMANENT),
            "email.bounced/Permanent/Suppressed": Row(_K.SOFT, _RESEND_BOUNCES, _SUPPRESSED),
            "email.bounced/Permanent/OnAccountSuppressionList": Row(
                _K.SOFT, _RESEND_BOUNCES, _SUPPRESSED
            ),
            "email.bounced/Transient": Row(None, _RESEND_BOUNCES, passing=True),
            "email.bounced/Transient/silent": Row(_K.SOFT, _RESEND_BOUNCES),
            "email.bounced/Transient/MessageTooLarge": Row(_K.BLOCKED, _RESEND_BOUNCES),
            "email.bounced/Transient/ContentRejected": Row(_K.BLOCKED, _RESEND_BOUNCES),
            "email.bounced/Transient/AttachmentRejected": Row(_K.BLOCKED, _RESEND_BOUNCES),
            "email.bounced/Undetermined": Row(None, _RESEND_BOUNCES, passing=True),
            "email.bounced/Undetermined/silent": Row(_K.SOFT, _RESEND_BOUNCES),
        }
    ),
    "sendgrid": _table(
        {
            "delivered": Row(_K.DELIVERED, _SENDGRID_EVENTS),
            "deferred": Row(_K.DELAYED, _SENDGRID_EVENTS),
            "spamreport": Row(_K.COMPLAINED, _SENDGRID_EVENTS),
            "unsubscribe": Row(_K.UNSUBSCRIBED, _SENDGRID_EVENTS),
            "group_unsubscribe": Row(_K.UNSUBSCRIBED, _SENDGRID_EVENTS),
            "processed": Row(_K.IGNORED, _SENDGRID_EVENTS),
            "open": Row(_K.IGNORED, _SENDGRID_EVENTS),
            "click": Row(_K.IGNORED, _SENDGRID_EVENTS),
            "group_resubscribe": Row(_K.IGNORED, _SENDGRID_EVENTS),
            "account_status_change": Row(_K.IGNORED, _SENDGRID_EVENTS),
            "bounce": Row(None, _SENDGRID_EVENTS, _PERMANENT),
            # A server that blocks has refused the mail for now, whatever code it gave.
            "bounce/blocked": Row(None, _SENDGRID_EVENTS),
            "blocked": Row(None, _SENDGRID_EVENTS),
            "bounce/expired": Row(None, _SENDGRID_EVENTS, passing=True),
            # By SendGrid's own lists, or for its own reasons.
            "dropped": Row(_K.SOFT, _SENDGRID_DROPS),
            "dropped/Bounced Address": Row(_K.SOFT, _SENDGRID_DROPS, _SUPPRESSED),
            "dropped/Invalid": Row(_K.SOFT, _SENDGRID_DROPS, _PERMANENT),
            "dropped/Spam Reporting Address": Row(_K.COMPLAINED, _SENDGRID_DROPS),
            "dropped/Unsubscribed Address": Row(_K.UNSUBSCRIBED, _SENDGRID_DROPS),
            "dropped/Spam Content": Row(_K.BLOCKED, _SENDGRID_DROPS),
            "dropped/Invalid SMTPAPI header": Row(_K.BLOCKED, _SENDGRID_DROPS),
            "dropped/Recipient List over Package Quota": Row(_K.BLOCKED, _SENDGRID_DROPS),
        }
    ),
    "brevo": _table(
        {
            "delivered": Row(_K.DELIVERED, _BREVO_EVENTS),
            "deferred": Row(_K.DELAYED, _BREVO_EVENTS),
            "spam": Row(_K.COMPLAINED, _BREVO_EVENTS),
            "complaint": Row(_K.COMPLAINED, _BREVO_EVENTS),
            "unsubscribed": Row(_K.UNSUBSCRIBED, _BREVO_EVENTS),
            "unsubscribe": Row(_K.UNSUBSCRIBED, _BREVO_MARKETING),
            "hard_bounce": Row(None, _BREVO_EVENTS, _PERMANENT),
            "invalid_email": Row(None, _BREVO_EVENTS, _PERMANENT),
            "invalid": Row(None, _BREVO_EVENTS, _PERMANENT),
            "soft_bounce": Row(None, _BREVO_EVENTS, passing=True),
            # On Brevo's own list, after a hard bounce, a complaint or by the reader's wish.
            "blocked": Row(_K.BLOCKED, _BREVO_EVENTS, _SUPPRESSED),
            "error": Row(_K.BLOCKED, _BREVO_EVENTS),
            "request": Row(_K.IGNORED, _BREVO_EVENTS),
            "sent": Row(_K.IGNORED, _BREVO_EVENTS),
            "opened": Row(_K.IGNORED, _BREVO_EVENTS),
            "unique_opened": Row(_K.IGNORED, _BREVO_EVENTS),
            "click": Row(_K.IGNORED, _BREVO_EVENTS),
            "proxy_open": Row(_K.IGNORED, _BREVO_EVENTS),
            "unique_proxy_open": Row(_K.IGNORED, _BREVO_EVENTS),
            "loaded_by_proxy": Row(_K.IGNORED, _BREVO_EVENTS),
            "list_addition": Row(_K.IGNORED, _BREVO_MARKETING),
            "contact_updated": Row(_K.IGNORED, _BREVO_MARKETING),
            "contact_deleted": Row(_K.IGNORED, _BREVO_MARKETING),
            "inbound_email_processed": Row(_K.IGNORED, _BREVO_EVENTS),
            "reply": Row(_K.IGNORED, _BREVO_EVENTS),
        }
    ),
}
"""By provider and event, with the more particular after a slash."""
