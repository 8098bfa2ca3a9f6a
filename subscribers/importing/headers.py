"""Headers that smell: patterns over folded headers, in the languages of the tools' exports.

`standing.fold` has made them small letters without accents, a space between words.
"""

from __future__ import annotations

import re
from typing import Final

from subscribers.importing.standing import ImportedStatus, fold


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(patterns) + r")\b")


_UNSUBSCRIBED: Final = (
    r"un ?subscri\w*|unsub\w*|de ?subscri\w*|opt(?:ed|s|ing)? ?outs?(?: \w+)?|optout\w*",
    r"desabonn\w*|desinscri\w*|desuscri\w*|desinscrev\w*|descadastr\w*|disiscri\w*|disdett\w*",
    r"(?:dad[oa] de|de|fecha(?: de)?|dio de) baja|baja(?:s)?",
    r"abgemeldet\w*|abmeld\w*|abbestell\w*|ausgetragen|austragung\w*|austragen",
    r"uitgeschreven|uitschrijv\w*|afgemeld\w*|afmeld\w*|opgezegd|opzeg\w*",
    r"avregistr\w*|avmeld\w*|afmeldt|frameld\w*|odhlas\w*|wypisan\w*|отпис\w*",
    r"do ?not ?(?:bulk ?)?(?:e ?mail|mail|contact|send|disturb|solicit|market|communicate)\w*",
    r"dnc|dne",
    r"no (?:contactar|enviar|mail|email|e mail|contact|molestar)|nomail",
    r"(?:ne )?pas (?:contacter|envoyer)|nicht (?:kontaktieren|anschreiben|mailen|mehr)",
    r"niet (?:mailen|contacteren|benaderen)|non (?:contattare|inviare)",
    r"nao (?:contatar|enviar|contactar|perturbe)|werbesperre|mailsperre|robinson\w*",
    r"widerruf\w*|widersproch\w*|widerspruch\w*|revok\w*|revoc\w*|revoqu\w*|withdr[ae]w\w*",
    r"stop (?:time|status|date)|(?:has )?objected|right to object",
)
_BOUNCED: Final = (
    r"(?:hard|soft)? ?bounc\w*|rebotes?|rebotad\w*|rebonds?|rimbalz\w*|ruckläufer|rucklaufer\w*",
    r"npai|unzustellbar\w*|undeliver\w*|non ?deliver\w*|unreachable|onbestelbaar",
)
_COMPLAINED: Final = (
    r"complain\w*|spam\w*|abuse\w*|plaintes?|beschwerde\w*|quejas?|klacht\w*|fbl|feedback loop",
)
_BARRED: Final = (
    r"black ?list\w*|block ?list\w*|deny ?list\w*|suppress\w*|liste noire|liste rouge",
    r"sperrvermerk\w*",
    r"lista negra|lista nera|zwarte lijst|sperrliste|(?:e ?mail|user|contact) blocked",
)

LEFT: Final = _any(*_UNSUBSCRIBED, *_BOUNCED, *_COMPLAINED, *_BARRED)
"""A header of leaving: whatever is filled in counts."""

_MAILS: Final = r"(?:e ?mails?|mails?|mailings?|newsletters?|courriels?|correos?|nieuwsbrie\w*)"
_ASKED: Final = (
    r"remove (?:me|him|her|them|us)|(?:take|took|get) (?:me|him|her|them|us) off",
    rf"(?:stop|no (?:more|further|longer)|wants? no) (?:sending|the|any|our) {_MAILS}",
    rf"(?:stop|no (?:more|further|longer)|wants? no(?: more)?) {_MAILS}",
    rf"(?:no longer|(?:does|do|did) ?n(?:o|)[ ]?t) (?:wants?|wish\w*) [\w ]{{0,30}}{_MAILS}",
    rf"keine? (?:weiteren? )?{_MAILS}|nicht mehr (?:anschreiben|mailen|senden|schicken)",
    rf"plus (?:de|aucun) {_MAILS}|ne plus (?:envoyer|recevoir|contacter|ecrire)",
    rf"(?:no|nao) (?:enviar|mandar|quiere|quer|mas|mais) (?:mas |mais )?{_MAILS}",
    rf"non (?:inviare|vuole) (?:piu )?{_MAILS}|geen {_MAILS}",
)
"""A remark that asks for no more mail."""

SAID: Final = _any(
    r"unsubscribed?|unsubscribes|unsubscription|opted ?out|opt out|optout|(?:hard|soft) ?bounced?",
    r"bounced|blacklisted|blocklisted|do not (?:e ?mail|mail|contact|send)|spam complaints?",
    r"(?:marked|reported)(?: as)? spam|complained|desabonnee?s?|desinscrit\w*|abgemeldet\w*",
    r"dad[oa]s? de baja|descadastrad\w*|disiscritt\w*|uitgeschreven|afgemeld\w*|desuscrit\w*",
    r"not subscribed|non ?subscribed|no longer subscribed|ausgetragen|abbestellt",
    r"liste noire|lista negra|lista nera|user unknown|mailbox (?:unavailable|not found)",
    r"(?:former|ex|past|lapsed) (?:subscriber|member|reader|abonne)e?s?|anciene? abonnee?s?",
    r"ehemalige\w*|5 \d \d+ [a-z]\w+|550 [a-z]\w+",
    *_ASKED,
)
"""What a cell says that can hardly mean anything but having left."""

SAID_AT_LENGTH: Final = _any(
    r"unsubscrib\w*|opted out|do not (?:e ?mail|mail|contact)|desabonn\w*|desinscri\w*",
    r"abgemeldet|abmelden|descadastr\w*|disiscri\w*|uitgeschreven|afgemeld",
    r"darse de baja|dad[oa] de baja",
    *_ASKED,
)
"""The same within a long remark, where fewer words are clear."""

HINT: Final = _any(
    r"unsub\w*|opt\w* ?out|bounc\w*|complain\w*|black\w*|block\w*|inacti\w*|inati\w*|inakti\w*",
    r"cancel\w*|left|remov\w*|suspend\w*|suppress\w*|disabl\w*|not \w+|no|non \w+|never\w*",
    r"declin\w*|denied|refus\w*|revok\w*|withdr\w*|subscri\w*|opt\w* ?in|abonn\w*|inscri\w*",
    r"un\w*confirm\w*|nicht \w+|keine?|aucun\w*|sans|sin|sem|senza|geen|niet",
)

DENIED: Final = _any(r"no|not|non|never|keine?|nicht|pas|aucune?|sin|sem|nao|geen|niet|senza")
"""How a cell begins that says that something has not happened."""

MAY_BE_LEFT: Final = _any(
    r"cancel\w*|annul\w*|delet\w*|remov\w*|disabl\w*|deactiv\w*|deaktiv\w*|desactiv\w*",
    r"desativ\w*|disattiv\w*|inacti\w*|inati\w*|inatti\w*|inakti\w*|invalid\w*|ungultig\w*",
    r"bann?ed|block(?:ed)?|blockiert|gesperrt\w*|bloque\w*|bloquead\w*|bloccat\w*|geblokkeerd",
    r"geloscht\w*|supprim\w*|eliminad\w*|eliminat\w*|verwijderd\w*|clean(?:ed)?|archived?",
    r"churn\w*|left|exit(?:ed)?|stop(?:ped)?|gone|deceased|opposition|refus\w*|reject\w*",
    r"declin\w*|objection\w*|suspend\w*|held|hold|gekundigt\w*|kundig\w*|resili\w*|quit",
    r"excluded?|exclue?s?|excluid[oa]s?|esclus[oaie]|ausgeschlossen|uitgesloten",
)
"""A header that may tell of leaving, or of orders and accounts."""

BARE: Final = re.compile(
    r"(?:is |has |was |date |e ?mail |user |subscriber |contact |subscription )*"
    r"(?:cancel\w*|delet\w*|remov\w*|disabled|deactivated|inactive|inactif|inactivo|inaktiv"
    r"|inativo|inattivo|inactief|invalid|banned|blocked|gesperrt|blockiert|geloscht|bloque"
    r"|bloqueado|archived|suspended|left|cleaned|(?:on )?hold|held|excluded|exclue?|excluid[oa]"
    r"|esclus[oa]|ausgeschlossen|uitgesloten)"
    r"(?: (?:at|on|date|time|datetime|timestamp|e ?mail|user|subscriber|contact))*"
)
"""The same with nothing else in it."""

_SUBSCRIBED: Final = (
    r"subscri\w*|opt(?:ed|s)? ?in|optin|consent\w*|permission\w*|newsletters?|mailings?",
    r"marketing|abonn\w*|abonad\w*|inscri\w*|suscri\w*|angemeldet|anmeld\w*|einwillig\w*",
    r"zustimm\w*|consentim\w*|toestemming\w*|ingeschreven|aangemeld|iscri\w*|consens\w*",
    r"assinant\w*|assinad\w*|gdpr|rgpd|dsgvo|lgpd|e ?mails?|mailable|contactable|reachable",
    r"(?:can|may|ok to|okay to|send) (?:e ?mail|mail|contact)|permiso|permissao|autoris\w*",
    r"autoriz\w*|erlaubnis|akkoord|nieuwsbrie\w*|rundbrief\w*|boleti[nm]\w*|infolettres?",
)
OWN_CONSENT: Final = re.compile(
    rf"{_any(*_SUBSCRIBED).pattern}|^(?:is )?(?:active|enabled|actif|activo|ativo|aktiv)$"
)
CONSENT: Final = _any(
    *_SUBSCRIBED,
    r"accept\w*|acept\w*|aceit\w*|agree\w*|allow\w*|receiv\w*|recevoir|recibir|receber|wants?",
    r"wishes|receb\w*|recib\w*|ricev\w*|ontvang\w*|erhalt\w*|gewunscht|souhait\w*|desea|quer",
    r"confirm\w*|verif\w*|bestatigt\w*|bevestigd|double opt in|double optin|doi|activated",
    r"keep|subs?|subbed|ok|okay|(?:on|in) (?:the |our )?list|"
    r"enabled|active|actif|activ[oa]|ativ[oa]|attiv[oa]|aktiv|actief|valid|valide|valido",
    r"frequency|preferences?|gultig|geldig|deliverable|zustellbar|willing|interested",
)
"""A header of consent: a no counts."""
NOT_CONSENT: Final = re.compile(
    r"\b(?:not|non|never|no|un|kein\w*|nicht|pas|niet|nao) (?:\w+ )?"
    r"(?:subscrib\w*|opt(?:ed)? ?in|consent\w*|abonn\w*|inscri\w*|suscri\w*|angemeldet|iscri\w*"
    r"|ingeschreven|confirm\w*|verif\w*|deliverable|mailable|contactable|active|allowed)"
    r"|\bunconfirmed\b|\bunverified\b"
)
NEGATED: Final = _any(
    r"no|not|non|never|without|kein\w*|nicht|ne|pas|plus|sans|sin|geen|niet|senza|nao|sem",
    r"doesn|don|didn|bad|wrong|dead|broken|expired",
)
"""What turns a word of consent round."""
CONFIRMED: Final = _any(
    r"confirm\w*|verif\w*|bestatigt\w*|bevestigd|double opt ?in|doi|activated|validated"
)
ABOUT: Final = _any(
    r"source|origin|ip|ips|url|link|page|form|method|text|wording|version|campaigns?|title|token",
    r"hash|key|id|uuid|name|country|city|lat|lon|language|locale|agent|referr?er|code|plan|tier",
    r"price|amount|product|counts?|number|total|rate|score|ratio|percent\w*|domain|client|opens?",
    r"clicks?|sent|received|open\w*|click\w*|terms|tos|privacy|cookies?|agb|cgu|provider|company|template|format",
    r"html|utm|owner|engagement|track\w*|channel|quelle|herkunft|fuente|origen|segment\w*",
)
"""What stands beside consent, and is none."""
LATEST: Final = _any(r"last|latest|next|letzte\w*|derni\w*|ultim\w*|laatste|sent|open\w*|click\w*")
LINK: Final = _any(r"link|url|uri|token|hash|key|code|page|href|id")
RATE: Final = _any(r"rate|score|ratio|percent\w*|quote|taux|tasa|taxa|tasso")
COUNTED: Final = re.compile(
    r"\b(?:soft ?bounc\w*|bounc\w* ?(?:counts?|number|total|nb|anzahl)|bouncecount"
    r"|(?:number|total|nb|num|anzahl|nombre)(?: of| de| von)? bounc\w*)\b"
)
"""Counts of what may pass."""
FINAL: Final = _any(r"hard\w*|permanent")

STATE: Final = re.compile(
    r"\b(?:\w*status(?:es)?|stat[eo]|standing|statut|estado|estatus|stav|situacao|situacion"
    r"|situation|zustand|toestand|etat|tila|tilstand|reception|moderation|mitgliedschaft|abo"
    r"|disposition|standing|reachability|deliverability|lifecycle)\b"
)
PLACES: Final = frozenset({"state", "estado", "stato", "state province", "state region"})
OTHER_STATES: Final = _any(
    r"order\w*|payment\w*|paid|pay|billing|shipping|shipment|marital|maritale?|civil\w*|civile",
    r"family|familien\w*|burgerlijke|matrimon\w*|employ\w*|job|deal|visa|residen\w*|legal|tax",
    r"immigration|loyalty|invoice|purchase\w*|plans?|tiers?|stripe|ticket|health|occupation|hand",
    r"handed|home|us|province|region|country|lead|student|citizen\w*|nationality|trial|cart",
    r"work\w*|migration|asylum|permit|refugee|vat|appointment|booking|event|donor|pledge|housing",
    r"accreditation|application|case|claim|hearing|grant|"
    r"relationship|smok\w*|military|veteran|insurance|title|company|job|position|gender|sex",
)
"""States of something else."""
POSTAL: Final = re.compile(
    r"(?:mailing|billing|shipping|delivery|postal|home|work|other) (?:address\w*|street\w*|city"
    r"|town|state\w*|province|zip\w*|post\w*|country|county|region|latitude|longitude|line|lines|suite)\b.*"
)
"""Where somebody lives."""
TOPIC: Final = _any(
    r"topics?|subjects?|themes?|categor\w*|survivors?|victims?|support|shelter|desk"
)
"""What stands beside a word of leaving that tells of the news or of help."""
ELSEWHERE: Final = _any(
    r"sms|whats ?app|phone\w*|call\w*|mobile|push|fax|postal|post|print|telefon\w*|telephone",
    r"text messages?|facebook|messenger|voice|letters?|direct mail|web ?push|telegram|movil",
    r"portable|handy|viber|line|rcs|twitter|linkedin|instagram",
)
MAIL: Final = _any(r"e ?mails?|newsletters?|mailings?|courriels?|correo")

_BY_PATTERN: Final = (
    (_any(*_COMPLAINED), ImportedStatus.COMPLAINT),
    (re.compile(r"bounc|clean|deliver|invalid|rebot|rebond|unzustell|npai"), ImportedStatus.BOUNCE),
    (
        re.compile(r"b[al]\w*ck|suppress|gesperrt|bloqu|blocc|list[ae] n|sperr"),
        ImportedStatus.MANUAL,
    ),
)


def standing_of(text: str) -> ImportedStatus:
    """How somebody stands of whom a header or a word of leaving holds."""
    short = fold(text)
    return next(
        (how for which, how in _BY_PATTERN if which.search(short)), ImportedStatus.UNSUBSCRIBED
    )


_FILE_WORDS: Final = (
    (_any(*_COMPLAINED), ImportedStatus.COMPLAINT),
    (
        _any(r"bounced?|bounces|hard ?bounces?|undeliverables?|invalid emails?|rebotes|rebonds"),
        ImportedStatus.BOUNCE,
    ),
    (
        _any(
            r"unsubscri\w*|unsubs?|opt(?:ed)? ?outs?|optouts?|desabonn\w*|desinscri\w*|bajas?",
            r"abgemeldet\w*|abmeldung\w*|uitgeschreven\w*|afmelding\w*|afgemeld\w*|disiscri\w*",
            r"descadastr\w*|desuscri\w*|cancelados",
            r"cancell?ed(?= subscri| contact| member|$)",
        ),
        ImportedStatus.UNSUBSCRIBED,
    ),
    (
        _any(
            r"suppress\w*|black ?list\w*|block ?list\w*|blocks|blocked|liste noire|lista negra",
            r"lista nera|dnc|do not (?:e ?mail|contact)",
        ),
        ImportedStatus.MANUAL,
    ),
    # A list that is "cleaned" may be a good one: Mailchimp's file begins with the word.
    (re.compile(r"^cleaned\b"), ImportedStatus.BOUNCE),
    (
        _any(r"unconfirmed|not confirmed|pending|unverified|non ?subscribed|non confirm\w*"),
        ImportedStatus.PENDING,
    ),
)
_BOTH: Final = _any(
    r"subscribed|active|aktiv\w*|actifs?|activos|ativos|abonnes|and|und|et|y|with|incl\w*",
    r"without|no|not|excl\w*|ohne|sans|sin|sem|senza|zonder|minus|except",
)


def standing_of_file(name: str) -> ImportedStatus | None:
    """How everybody stands in a file by its name ("suppression_bounces.csv"), of the zip it was in
    as well; None where that says nothing."""
    return next((how for which, how in _FILE_WORDS if which.search(_stem(name))), None)


def may_be_of_both(name: str) -> bool:
    """Whether a file's name tells of people who stayed as well ("all_without_unsubscribed.csv")."""
    return bool(_BOTH.search(_stem(name)))


def _stem(name: str) -> str:
    file = name.rpartition("/")[2]
    stem = fold(file.rpartition(".")[0] or file)
    return stem if _tells(stem) else fold(name)


def _tells(stem: str) -> bool:
    return any(which.search(stem) for which, _ in _FILE_WORDS)
