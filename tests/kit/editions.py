"""Editions of every kind, for whoever composes, checks or sends one.

`every_case` names them all; each is an edition with the briefing and the publication it belongs to.
The news in them is invented.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from briefing.model import (
    Article,
    Briefing,
    Edition,
    EditionState,
    Image,
    Look,
    Publication,
    Section,
    Story,
    Treatment,
    Window,
)

DAY = date(2025, 1, 24)
NOW = datetime(2025, 1, 24, 6, 0, tzinfo=UTC)

PUBLICATION = Publication(
    name="Alien Road",
    url="https://alienroad.example",
    public_url="https://briefing.alienroad.example",
    postal_address="Alien Road Ltd\n12 Harbour Lane\nBristol BS1 4QA\nUnited Kingdom",
    timezone=ZoneInfo("UTC"),
)

BRIEFING = Briefing(
    slug="daily",
    name="The Daily Briefing",
    from_name="Alien Road",
    from_address="briefing@alienroad.example",
    sections=(
        Section("americas", "Americas", 4),
        Section("europe", "Europe", 4),
        Section("policy", "Law & policy", 4),
    ),
    timezone=ZoneInfo("UTC"),
    at=time(7, 0),
    tagline="Global migration, every morning",
)


@dataclass(frozen=True, slots=True)
class Case:
    """An edition and what it belongs to."""

    name: str
    edition: Edition
    briefing: Briefing = BRIEFING
    publication: Publication = PUBLICATION


@dataclass(frozen=True, slots=True)
class _News:
    section: str
    headline: str
    standfirst: str
    place: str = ""
    byline: str = ""
    credits: tuple[str, ...] = ()
    picture: str = ""


_NEWS: tuple[_News, ...] = (
    _News(
        "americas",
        "Border towns reopen shelters as river crossings rise for a third month",
        "Mayors on both banks have asked their governments for one shared waiting list. Volunteers "
        "say that the queue at the footbridge now begins before dawn.",
        "PIEDRAS NEGRAS",
        "Ana Torres",
        ("Reuters", "El Norte"),
        "A footbridge over a wide river at dawn, with a line of people waiting on the near bank",
    ),
    _News(
        "americas",
        "Court orders hearings within ten days for families held at the airport",
        "The judge called a wait of seven weeks “neither lawful nor necessary” and gave the "
        "ministry until Monday to publish a timetable.",
        "BOGOTÁ",
        "",
        ("Associated Press",),
    ),
    _News(
        "americas",
        "Farm visas are doubled before the harvest, with a fee that growers must pay",
        "Unions welcome the numbers and fear the fee will be taken out of wages.",
        "FRESNO",
        "Daniel Okafor",
        (),
        "Rows of strawberry plants with two pickers in wide hats",
    ),
    _News(
        "europe",
        "Island ferry line adds a weekly boat for asylum interviews on the mainland",
        "Until now applicants waited for a lawyer to come to them. The first sailing carried 41 "
        "people, all of whom had waited longer than a year.",
        "ATHENS",
        "Eleni Markou",
        ("Kathimerini", "AFP"),
        "A white ferry leaving a small harbour",
    ),
    _News(
        "europe",
        "Ministers agree on a common form, and little else, after a night of talks",
        "Sixteen pages replace twenty-seven sets of papers. Who takes in whom stays open until the "
        "spring.",
        "BRUSSELS",
        "",
        ("Politico", "dpa", "ANSA"),
    ),
    _News(
        "policy",
        "What the new points system asks of nurses, welders and software engineers",
        "Three letters of application, worked through line by line: where the points come from, "
        "and where an employer’s word is enough.",
        "",
        "Priya Raman",
        (),
    ),
    _News(
        "policy",
        "Remittances overtake aid for the first time in eleven countries",
        "The sums sent home grew by nine per cent, and the cost of sending them fell below four.",
        "GENEVA",
        "",
        ("World Bank",),
        "A shop window with a list of exchange rates",
    ),
    _News(
        "europe",
        "Language classes are full until autumn, so libraries step in",
        "Evening tables in forty towns pair newcomers with pensioners who have time to talk.",
        "ROTTERDAM",
        "Joost de Vries",
        ("NRC",),
    ),
)

_BRIEFS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("americas", "Consulate in Guadalajara extends its hours until March", ("EFE",)),
    ("americas", "Bus company fined for leaving passengers at a closed crossing", ()),
    ("europe", "Finland counts more returning citizens than leaving ones", ("Yle",)),
    ("policy", "Passport fees rise by two euros in June", ("Le Monde", "AFP")),
)


def article(number: int, headline: str, **fields: object) -> Article:
    """An article with a uid and address of its own; `fields` override the rest."""
    made = Article(
        uid=f"test:{number}",
        headline=headline,
        published_at=NOW - timedelta(hours=number % 20 + 1),
        url=f"https://alienroad.example/2025/01/24/story-{number}",
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def edition(stories: Sequence[Story], **fields: object) -> Edition:
    """A draft of 24 January 2025, number 214, of these stories."""
    made = Edition(
        id=7,
        briefing="daily",
        day=DAY,
        slot="daily",
        number=214,
        state=EditionState.DRAFT,
        due_at=NOW + timedelta(hours=1),
        window=Window(NOW - timedelta(days=1), NOW),
        stories=tuple(stories),
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def stories(count: int, *, pictures: bool = True, briefs: int = 0) -> list[Story]:
    """`count` stories, the first of them the lead and the last `briefs` headlines only."""
    made: list[Story] = []
    for number in range(count):
        if number >= count - briefs:
            turn, which = divmod(number - count + briefs, len(_BRIEFS))
            section, headline, sources = _BRIEFS[which]
            news = article(number, headline + _again(turn), credits=sources)
            made.append(Story(news, section, number, Treatment.BRIEF))
            continue
        told = _NEWS[number % len(_NEWS)]
        picture = None
        if told.picture and pictures:
            picture = Image(
                url=f"https://images.alienroad.example/{number}.jpg",
                alt=told.picture,
                width=1200,
                height=800,
                credit="Marta Ruiz / Alien Road" if number == 0 else "",
            )
        news = article(
            number,
            told.headline + _again(number // len(_NEWS)),
            standfirst=told.standfirst,
            place=told.place,
            byline=told.byline,
            credits=told.credits,
            section=told.section,
            image=picture,
        )
        treatment = Treatment.LEAD if number == 0 else Treatment.STORY
        made.append(Story(news, told.section, number, treatment))
    return made


def _again(turn: int) -> str:
    return f" ({turn + 1})" if turn else ""


NOTE = (
    "Good morning. Today we follow the **river crossings** that our correspondent has counted "
    "since the autumn, and explain [how we count](https://alienroad.example/method).\n\n"
    "Tomorrow there is no briefing; we are back on Monday."
)
CORRECTIONS = (
    "Yesterday’s briefing gave the wrong year for the Rotterdam census: 2012 instead of 2021.",
)


def full_day() -> Case:
    """Eight stories and four headlines, with all that an edition may have round them."""
    return Case(
        "full day",
        edition(stories(12, briefs=4), note=NOTE, corrections=CORRECTIONS),
    )


def one_story() -> Case:
    return Case("one story", edition(stories(1)))


def bare_story() -> Case:
    """A headline and nothing else: no link, standfirst, picture, section or name."""
    return Case(
        "bare story",
        edition([Story(article(0, "Ferries are running again", url=""), "", 0, Treatment.LEAD)]),
    )


def eight_stories() -> Case:
    return Case("eight stories", edition(stories(8)))


def forty_stories() -> Case:
    return Case("forty stories", edition(stories(40, briefs=16), note=NOTE))


def no_images() -> Case:
    return Case("no images", edition(stories(10, pictures=False, briefs=2)))


def images() -> Case:
    """Pictures of every shape, some without a size, some that no mail may show."""
    shapes = [
        Image("https://images.alienroad.example/wide.jpg", "A wide valley", 1600, 400),
        Image("https://images.alienroad.example/tall.jpg", "A lighthouse", 600, 1800),
        Image("https://images.alienroad.example/small.png", "A stamp", 90, 60),
        Image("https://images.alienroad.example/unsized.jpg", "A crowd at a station"),
        Image("https://images.alienroad.example/silent.jpg", "", 900, 600),
        Image("https://images.alienroad.example/modern.webp", "A tent", 900, 600),
        Image("https://images.alienroad.example/drawn.svg", "A map", 900, 600),
        Image("data:image/png;base64,iVBORw0KGgo=", "A dot", 900, 600),
        Image("https://images.alienroad.example/pixel.gif?reader=1", "", 1, 1),
        Image("javascript:alert(1)", "A trap", 900, 600),
    ]
    made = stories(len(shapes), pictures=False)
    return Case(
        "images",
        edition(
            [
                replace(story, article=replace(story.article, image=shape))
                for story, shape in zip(made, shapes, strict=True)
            ]
        ),
    )


def no_links() -> Case:
    """Stories that lead nowhere, told in the mail itself."""
    body = (
        "Mayors on both banks have asked their governments for one shared waiting list.",
        "The list would be kept by the two Red Cross societies and be open to lawyers.",
        "Neither foreign ministry had answered by the evening.",
        "A first meeting is planned for the second week of February.",
    )
    return Case(
        "no links",
        edition(
            [
                replace(
                    story,
                    article=replace(story.article, url="", standfirst=body[0], body=body),
                )
                for story in stories(5)
            ]
        ),
    )


def long_words() -> Case:
    """Words and addresses longer than a telephone is wide, in every field."""
    word = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
    link = "https://alienroad.example/" + "very-long-path-segment/" * 8 + "?q=" + "a" * 120
    made = [
        replace(
            story,
            article=replace(
                story.article,
                headline=f"{word} {number}",
                standfirst=f"Said at {link} by the {word}, {'x' * 200}.",
                byline=word,
                place=word.upper(),
                credits=(word, f"{word}blatt"),
                url=link + str(number),
            ),
        )
        for number, story in enumerate(stories(6, briefs=2))
    ]
    return Case(
        "long words",
        edition(made, note=f"{word} <{link}>", corrections=(f"{word}: {link}",)),
        replace(BRIEFING, name=f"{word[:60]}", tagline=word),
    )


def spanish() -> Case:
    """A briefing in Spanish with one story left in English."""
    briefing = replace(
        BRIEFING,
        name="El Boletín Diario",
        tagline="Las migraciones del mundo, cada mañana",
        language="es",
        sections=(Section("americas", "América"), Section("europe", "Europa")),
    )
    told = (
        (
            "Tres países abren una oficina común para los trámites de asilo",
            "La oficina atenderá en cuatro lenguas y responderá en noventa días.",
            "BOGOTÁ",
            "es",
        ),
        (
            "Ministers agree on a common form, and little else",
            "Sixteen pages replace twenty-seven sets of papers.",
            "BRUSSELS",
            "en",
        ),
        ("La cosecha de la fresa empieza con menos manos que nunca", "", "HUELVA", ""),
    )
    made = [
        Story(
            article(
                number,
                headline,
                standfirst=standfirst,
                place=place,
                language=language,
                credits=("EFE", "Reuters"),
            ),
            "americas" if number == 0 else "europe",
            number,
            Treatment.LEAD if number == 0 else Treatment.STORY,
        )
        for number, (headline, standfirst, place, language) in enumerate(told)
    ]
    return Case("spanish", edition(made), briefing)


def arabic() -> Case:
    """A briefing from right to left, with Latin names in it and one story in English."""
    briefing = replace(
        BRIEFING,
        name="الموجز اليومي",
        tagline="أخبار الهجرة في العالم كل صباح",
        language="ar",
        sections=(Section("americas", "الأمريكتان"), Section("europe", "أوروبا")),
    )
    told = (
        (
            "americas",
            "البلدات الحدودية تعيد فتح الملاجئ مع ازدياد عبور النهر للشهر الثالث",
            "طلب رؤساء البلديات قائمة انتظار مشتركة. ويقول متطوعون إن الطابور يبدأ قبل الفجر.",
            "بييدراس نيغراس",
            "آنا توريس",
            ("Reuters", "BBC News عربي"),
        ),
        (
            "americas",
            "محكمة تأمر بعقد جلسات خلال 10 أيام للعائلات المحتجزة في المطار",
            "وصف القاضي انتظار سبعة أسابيع بأنه «غير قانوني وغير ضروري».",
            "بوغوتا",
            "",
            ("Associated Press",),
        ),
        (
            "europe",
            "خط العبّارات يضيف رحلة أسبوعية لمقابلات اللجوء في البر الرئيسي",
            "حملت الرحلة الأولى 41 شخصًا انتظروا جميعًا أكثر من عام، وفق Frontex.",
            "أثينا",
            "إيليني ماركو",
            ("وكالة الأنباء الفرنسية",),
        ),
        (
            "europe",
            "Ministers agree on a common form, and little else",
            "Sixteen pages replace twenty-seven sets of papers.",
            "BRUSSELS",
            "",
            ("Politico",),
        ),
    )
    picture = Image(
        "https://images.alienroad.example/0.jpg", "جسر للمشاة فوق نهر عريض عند الفجر", 1200, 800
    )
    made = [
        Story(
            article(
                number,
                headline,
                standfirst=standfirst,
                place=place,
                byline=byline,
                credits=sources,
                language="en" if place == "BRUSSELS" else "ar",
                image=picture if number == 0 else None,
            ),
            section,
            number,
            Treatment.LEAD if number == 0 else Treatment.STORY,
        )
        for number, (section, headline, standfirst, place, byline, sources) in enumerate(told)
    ]
    brief = article(9, "القنصلية في غوادالاخارا تمدد ساعات عملها حتى مارس", credits=("EFE",))
    made.append(Story(brief, "americas", 9, Treatment.BRIEF))
    note = (
        "صباح الخير. نتابع اليوم **عبور النهر** ونشرح [كيف نحصي](https://alienroad.example/method)."
    )
    return Case(
        "arabic",
        edition(made, note=note),
        briefing,
        replace(PUBLICATION, language="ar"),
    )


def japanese() -> Case:
    briefing = replace(
        BRIEFING,
        name="朝の移民ニュース",
        tagline="世界の人の動きを毎朝",
        language="ja",
        sections=(Section("americas", "アメリカ大陸"), Section("europe", "ヨーロッパ")),
    )
    told = (
        (
            "国境の町、三か月連続の渡河増加で避難所を再開",
            "両岸の市長は共通の待機者名簿を求めた。「これほどの人数は見たことがない」という。",
        ),
        ("裁判所、空港の家族の審理を十日以内に行うよう命令", "七週間の待機は「違法かつ不要」。"),
        ("島のフェリー、庇護申請の面接のため週一便を増発", "初便は四十一人を乗せた。"),
    )
    made = [
        Story(
            article(number, headline, standfirst=standfirst, credits=("共同通信", "ロイター")),
            "americas" if number < 2 else "europe",
            number,
            Treatment.LEAD if number == 0 else Treatment.STORY,
        )
        for number, (headline, standfirst) in enumerate(told)
    ]
    return Case("japanese", edition(made), briefing, replace(PUBLICATION, language="ja"))


def emoji() -> Case:
    family, flag = "👩‍👩‍👧‍👦", "🏴󠁧󠁢󠁷󠁬󠁳󠁿"
    made = [
        replace(
            story,
            article=replace(
                story.article,
                headline=f"{family} {story.article.headline} 🎉",
                standfirst=f"{flag}🇪🇺 " * 30 + story.article.standfirst,
                byline=f"Ana {flag} Torres",
            ),
        )
        for story in stories(5)
    ]
    return Case("emoji", edition(made, subject=f"{family} Families first"))


def mixed() -> Case:
    """An English briefing with stories in Arabic, Hebrew, Japanese, German and Thai."""
    told = (
        ("Border towns reopen shelters", "", "Reuters"),
        ("محكمة تأمر بعقد جلسات خلال 10 أيام", "ar", "الجزيرة"),
        ("בית המשפט הורה על שימוע תוך עשרה ימים", "he", "הארץ"),
        ("裁判所、審理を十日以内に行うよう命令", "ja", "共同通信"),
        ("Gericht verlangt Anhörungen binnen zehn Tagen", "de", "dpa"),
        ("ศาลสั่งให้พิจารณาคดีภายในสิบวัน", "th", "ไทยรัฐ"),
        ("وزراء أوروبا يتفقون على استمارة موحدة", "", "AFP وكالة"),
    )
    made = [
        Story(
            article(
                number,
                headline,
                language=language,
                standfirst=f"{headline}. In short: {headline}!",
                byline=source,
                place=source,
                credits=(source, "Reuters", "رويترز"),
            ),
            "europe",
            number,
            Treatment.LEAD if number == 0 else Treatment.STORY,
        )
        for number, (headline, language, source) in enumerate(told)
    ]
    return Case("mixed", edition(made))


ATTACKS: tuple[str, ...] = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "'\" onmouseover='alert(1)' x=\"",
    "</td></tr></table></div></body></html>",
    "<b><i><table><tr><td>unclosed",
    "<!-- open comment",
    "<!--[if mso]><p>outlook<![endif]-->",
    "</style><style>*{display:none}</style>",
    "@import url(https://evil.example/x.css);",
    "{{ 7 * 7 }} {% for x in y %} {# hidden #}",
    "{{ ''.__class__.__mro__ }}",
    "${7*7} <%= 7*7 %> #{7*7}",
    "Subject\r\nBcc: victim@evil.example\r\n\r\nbody",
    "nul\x00bell\x07escape\x1b[31m\x85\u2028\u2029",
    "turned \u202etxt.exe\u202c \u2066isolated",
    "lone surrogate \ud800 here",
    "https://slot.invalid/unsubscribe",
    "HTTPS://SLOT.INVALID/preferences",
    "javascript:alert(document.cookie)",
    "&lt;script&gt;alert(1)&lt;/script&gt; &#60;b&#62; &amp;amp;",
    "%(n)s %s %d %(missing)s {0} {name}",
    "[link](javascript:alert(1)) ![x](https://evil.example/p.gif) <a href='data:text/html,x'>y</a>",
)

HOSTILE_URLS: tuple[str, ...] = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "//evil.example/x",
    "/relative",
    "https://",
    "https://bank.example@evil.example/",
    "https://evil.example\\@bank.example/",
    "https://slot.invalid/unsubscribe",
    "https://evil.example/\r\nX-Header: 1",
    "https://[::1",
    "https://evil.example:99999/",
    "mailto:victim@evil.example",
)


def attack(text: str, url: str = "https://alienroad.example/story") -> Case:
    """`text` in every field of an edition that is words, `url` in those that are addresses."""

    def hostile(number: int, treatment: Treatment, link: str) -> Story:
        return Story(
            article(
                number,
                f"{text} {number}",
                standfirst=f"{text} standfirst",
                body=(f"{text} one", f"{text} two"),
                byline=text,
                place=text,
                credits=(text, "Reuters"),
                url=link,
                language=text,
                image=Image(url=url, alt=text, width=600, height=400, credit=text),
            ),
            "attacked",
            number,
            treatment,
            link=link,
        )

    kinds = (Treatment.LEAD, Treatment.STORY, Treatment.STORY, Treatment.BRIEF)
    return Case(
        f"attack {text[:24]!r}",
        edition(
            [
                hostile(number, kind, url if number != 2 else "")
                for number, kind in enumerate(kinds)
            ],
            note=f"{text}\n\n[here]({url})",
            corrections=(text,),
            preheader=text,
        ),
        replace(
            BRIEFING, name=f"Daily {text}", tagline=text, sections=(Section("attacked", text),)
        ),
        replace(PUBLICATION, name=f"News {text}", postal_address=f"{text}\n1 Road"),
    )


def hostile() -> Case:
    """All attacks in one edition, one story each, in all of its fields."""
    made = [
        attack(text, HOSTILE_URLS[number % len(HOSTILE_URLS)]).edition.stories[0]
        for number, text in enumerate(ATTACKS)
    ]
    return Case(
        "hostile",
        edition(
            [
                replace(
                    story,
                    article=replace(story.article, uid=f"test:{number}"),
                    section="europe",
                    position=number,
                    treatment=Treatment.STORY if number else Treatment.LEAD,
                )
                for number, story in enumerate(made)
            ],
            note="\n\n".join(ATTACKS),
            corrections=ATTACKS,
            subject=ATTACKS[13],
            preheader=ATTACKS[0],
        ),
    )


def oversized() -> Case:
    """More than a mail may hold: eighty stories with standfirsts of some length."""
    made = [
        replace(
            story,
            article=replace(
                story.article, standfirst=" ".join([story.article.standfirst] * 4), language="en-GB"
            ),
            pinned=number == 60,
        )
        for number, story in enumerate(stories(80))
    ]
    return Case("oversized", edition(made, note=NOTE))


def updates() -> Case:
    """Stories that an alert told first, in every treatment; one of them runs the other way."""
    told_by = "editions/daily/2025-01-23/border-towns"
    made = [
        replace(story, update_of=told_by if number in {0, 2, 3, 8} else "")
        for number, story in enumerate(stories(10, briefs=2))
    ]
    turned = "محكمة تأمر بعقد جلسات خلال 10 أيام"
    made[3] = replace(
        made[3], article=replace(made[3].article, headline=turned, language="ar", standfirst=turned)
    )
    return Case("updates", edition(made))


def branded() -> Case:
    """A publisher's own colours, logo and width."""
    look = Look(
        colors=(("accent", "#0b5f5a"), ("dark-accent", "#74cfc6")),
        fonts=(("body", "Verdana, sans-serif"),),
        logo="https://images.alienroad.example/logo.png",
        logo_width=240,
        logo_height=60,
        width=640,
    )
    return Case("branded", full_day().edition, replace(BRIEFING, look=look))


CaseMaker = Callable[[], Case]

CASES: tuple[CaseMaker, ...] = (
    full_day,
    one_story,
    bare_story,
    eight_stories,
    forty_stories,
    no_images,
    images,
    no_links,
    long_words,
    spanish,
    arabic,
    japanese,
    emoji,
    mixed,
    hostile,
    oversized,
    updates,
    branded,
)


def every_case() -> list[Case]:
    """One case of every kind, each with a name of its own."""
    return [make() for make in CASES]
