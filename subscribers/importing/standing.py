"""What other tools' words say about whether a person may be mailed.

Nobody is made active by a guess: a word that is not known refuses its row. Where several columns
speak, the strictest counts.

Sources of the words: the exports and documentation of the tools in `columns`, in the languages in
which they are offered.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from enum import IntEnum
from functools import lru_cache
from typing import Final

from subscribers.suppression import Suppressed


class ImportedStatus(IntEnum):
    """How a person stood where they come from; the higher, the stricter, as in
    `subscribers.suppression`."""

    ACTIVE = 0
    PENDING = 1
    BOUNCE = 2
    UNSUBSCRIBED = 3
    MANUAL = 4
    COMPLAINT = 5

    @property
    def reason(self) -> Suppressed | None:
        """Why the person may not be mailed, None for those who left nowhere."""
        return None if self <= ImportedStatus.PENDING else Suppressed[self.name]


_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_GAP: Final = re.compile(r"[\W_]+")


# A million rows say the same few words.
@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """A header, or a status word, for comparing: "Email Address", "EMAIL_ADDRESS", "emailAddress",
    "E-mail", "Désabonné": small letters without accents, a space between words."""
    apart = _HUMP.sub(" ", text)
    if not apart.isascii():
        letters = unicodedata.normalize("NFKD", apart.casefold())
        apart = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return _GAP.sub(" ", apart.lower()).strip()


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split("|"))


def _words(standing: ImportedStatus, words: str) -> dict[str, ImportedStatus]:
    return {fold(word): standing for word in words.split("|")}


WORDS: Final[Mapping[str, ImportedStatus]] = {
    **_words(
        ImportedStatus.ACTIVE,
        "active | subscribed | enabled | confirmed | opted in | opt in | regular | premium | paid"
        " | free | comped | complimentary | gifted | trialed | trialing | trial | unpaid"
        " | churning | churned | past due | member | subscriber | verified | double opt in"
        " | single opt in | express | explicit | granted | given | marketing contact | accepted"
        " | agreed | consented | ok | erteilt | einverstanden | akzeptiert | accepté | acceptée"
        " | aceptado | aceito | accettato | geaccepteerd"
        # Spanish, French, German, Portuguese, Italian, Dutch
        " | activo | activa | suscrito | suscrita | confirmado | confirmada"
        " | actif | active | abonné | abonnée | inscrit | inscrite | confirmé | confirmée"
        " | aktiv | angemeldet | abonniert | bestätigt | eingetragen"
        " | ativo | ativa | inscrito | inscrita | assinante | assinado"
        " | attivo | attiva | iscritto | iscritta | confermato | confermata"
        " | actief | ingeschreven | aangemeld | geabonneerd | bevestigd",
    ),
    **_words(
        ImportedStatus.PENDING,
        "pending | unconfirmed | not confirmed | unactivated | validating | needs approval"
        " | needs attention | awaiting confirmation | pending confirmation | waiting | unverified"
        " | not verified | never subscribed | no permissions set | no permission | implied"
        " | non marketing contact | awaiting | to confirm | waiting confirmation | opt in pending"
        " | confirmation pending | unknown"
        " | pendiente | sin confirmar | no confirmado | no confirmada"
        " | en attente | non confirmé | non confirmée | à confirmer"
        " | ausstehend | unbestätigt | nicht bestätigt | wartend | offen"
        " | pendente | não confirmado | não confirmada | in attesa | non confermato"
        " | non confermata | in afwachting | onbevestigd | niet bevestigd",
    ),
    **_words(
        ImportedStatus.MANUAL,
        "blocklisted | blocked | blacklisted | banned | disabled | suppressed | spammy | removed"
        " | archived | deleted | excluded | do not contact | do not email | do not mail | dnc"
        " | on hold | held | suspended | dropped | rejected | by moderator | by admin | quarantined"
        " | black list | block list | robinson"
        " | bloqueado | bloqueada | lista negra | eliminado | eliminada | desactivado | suspendido"
        " | bloqué | bloquée | liste noire | supprimé | supprimée | désactivé | désactivée"
        " | blockiert | gesperrt | gelöscht | deaktiviert"
        " | excluído | desativado | suspenso | bloccato | bloccata | lista nera | eliminato"
        " | disattivato | geblokkeerd | verwijderd | uitgeschakeld | zwarte lijst",
    ),
    **_words(
        ImportedStatus.UNSUBSCRIBED,
        "unsubscribed | unsubscribe | unsub | inactive | opted out | opt out | optout | opt-outs"
        " | cancelled | canceled | left | gone | stopped | withdrawn | revoked | denied | refused"
        " | declined | opted_out | non subscribed | nonsubscribed | not subscribed | transactional"
        " | unsubscribed from all | unsubscribed all | globally unsubscribed | global unsubscribe"
        " | nomail | no mail | by user | unsubscribes | removed by user | objected"
        " | baja | dado de baja | dada de baja | de baja | cancelado | cancelada | inactivo"
        " | inactiva | no suscrito | no suscrita | desuscrito | desuscrita | anulado"
        " | désabonné | désabonnée | désinscrit | désinscrite | inactif | inactive | annulé"
        " | non abonné | non inscrit | résilié | résiliée"
        " | abgemeldet | abbestellt | ausgetragen | inaktiv | gekündigt | nicht abonniert"
        " | widerrufen | nicht angemeldet"
        " | inativo | inativa | descadastrado | descadastrada | desinscrito | desinscrita"
        " | não inscrito | cancelou"
        " | disiscritto | disiscritta | cancellato | cancellata | annullato | inattivo | inattiva"
        " | non iscritto"
        " | uitgeschreven | afgemeld | opgezegd | inactief | niet ingeschreven | niet geabonneerd"
        " | avregistrerad | afmeldt | avmeldt | wypisany | odhlášen | отписан | отписался",
    ),
    **_words(
        ImportedStatus.BOUNCE,
        "cleaned | bounced | bounce | hard bounce | hard bounced | soft bounced | soft bounce"
        " | undeliverable | invalid | unreachable | hardbounce | hardbounced | softbounce | bounces"
        " | hard bounces | soft bounces | by bounces | undelivered | non existent | not deliverable"
        " | invalid email | bounced hard | bounced soft"
        " | rebotado | rebotada | rebote | no válido | inválido | inválida"
        " | rebond | erroné | invalide | non distribué | adresse invalide"
        " | unzustellbar | ungültig | zurückgewiesen | nicht zustellbar"
        " | devolvido | rimbalzato | non valido | onbestelbaar | ongeldig | gebounced",
    ),
    **_words(
        ImportedStatus.COMPLAINT,
        "complained | complaint | complaints | complainer | spam | spam complaint | marked as spam"
        " | spam reported | reported spam | abuse | spam report | spam reports | abuse complaint"
        " | junk | fbl"
        " | queja | spam gemeldet | beschwerde | plainte | reclamo | klacht | denunciado",
    ),
}
"""Status words, folded as headers are."""

WEAK: Final = frozenset(
    _words(
        ImportedStatus.MANUAL,
        "inactive | cancelled | canceled | left | gone | stopped | removed | archived | deleted"
        " | disabled | blocked | held | on hold | suspended | dropped | rejected | declined |"
        " excluded | invalid | denied | refused | withdrawn | baja | cancelado | cancelada |"
        " cancellato | cancellata | annulé | anulado | annullato | inactivo | inactiva | inactif"
        " | inaktiv | inativo | inativa | inattivo | inattiva | inactief | gelöscht | eliminado"
        " | eliminada | supprimé | supprimée | suspendido | suspenso | unreachable |"
        " transactional | junk | gekündigt | résilié | résiliée | opgezegd | deaktiviert |"
        " invalide | ungültig | inválido | inválida | ongeldig | no válido | non valido |"
        " excluído | verwijderd | eliminato | abuse | cleaned | gesperrt | blockiert | bloqueado"
        " | bloqueada | bloqué | bloquée | bloccato | bloccata | geblokkeerd | reclamo | queja |"
        " beschwerde | plainte | klacht | quarantined | cancelou | removed by user | désactivé |"
        " désactivée | desactivado | desativado | disattivato | uitgeschakeld | devolvido |"
        " erroné | rebote | widerrufen | no mail",
    )
)
"""Words that tell of orders, accounts and much else as well as of mail."""


def strong(word: str, standing: ImportedStatus) -> bool:
    """Whether a folded word that means this can hardly tell of anything but mail."""
    return standing > ImportedStatus.PENDING and word not in WEAK


YES: Final = _set(
    "true|t|yes|y|1|1.0|on|x|si|sí|s|oui|o|ja|j|sim|vero|wahr|vrai|verdadero|verdadeiro|waar|да"
    "|checked|✓|✔"
)
NO: Final = _set(
    "false|f|no|n|0|0.0|off|non|nein|nee|não|nao|falso|falsch|faux|onwaar|nej|nei|ne|nie|ei|нет"
    "|unchecked|✗"
)
NOTHING: Final = frozenset(
    {
        "",
        "-",
        "–",
        "—",
        "null",
        "none",
        "nil",
        "nan",
        "n/a",
        "false",
        "0",
        "never",
        "0000-00-00",
        "0000-00-00 00:00:00",
        "nie",
        "nunca",
        "jamais",
        "mai",
        "nooit",
        "keine",
        "[]",
        "{}",
    }
)
"""What stands where a moment would, had it come."""
