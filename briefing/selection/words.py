"""Words that say little about which event an article tells, in the languages of most newsrooms.

They only sharpen the comparison: in a language that is not here every word counts, and the day's
own frequencies tell the common ones. All are folded: small letters, no accents.
"""

from __future__ import annotations

from typing import Final

_ENGLISH = """
a about after again against all also although am amid among an and another any are as at be
because been before being between both but by can could did do does doing down during each ever
every few for from further get gets had has have having he her here hers him his how i if in into
is it its itself just like may me might more most much must my near never no nor not now of off on
once one only or other our out over own per same she should since so some still such than that the
their them then there these they this those through to too under until up us very via was we were
what when where which while who whom whose why will with within without would you your yet don
doesn didn isn aren wasn weren won hasn haven couldn shouldn
"""

_SPANISH = """
al algo ante antes aunque cada como con contra cual cuando de del desde donde dos durante e el
ella ellas ello ellos en entre era es esa esas ese eso esos esta estan estar estas este esto estos
fue fueron ha habia habra han hasta hay la las le les lo los mas me mi mientras muy nada ni no nos
o otra otras otro otros para pero poco por porque pues que quien quienes se sea segun ser si sido
sin sobre solo son su sus tambien tan tanto te tiene tienen toda todas todo todos tras tu u un una
unas uno unos y ya
"""

_GERMAN = """
aber als am an auch auf aus bei bis das dass dem den der des die doch durch ein eine einem einen
einer eines er es fur gegen hat haben ich im in ist kann keine mehr mit nach nicht noch nun nur
oder schon sei sein seine seiner sich sie sind soll sollen uber um und unter vom von vor war was
weil wenn werden wie wieder wird wir wurde wurden zu zum zur zwischen
"""

_FRENCH = """
apres au aux avec ce ces cette chez dans de des du elle elles en est et ete etre eux il ils je la
le les leur leurs lors lui mais meme ne nous on ont ou par pas plus pour qu que qui sa sans se ses
si son sont sous sur tout tous une un vers vous y
"""

_PORTUGUESE_ITALIAN = """
ao aos as com da das do dos e ela ele em entre esta foi mais mas na nas nao no nos o os ou para
pela pelas pelo pelos por que se sem ser seu seus sua suas sao tem uma um agli ai al alla alle
anche che chi come con contro dal dalla dei del della delle di dopo gli ha hanno i il in la le lo
ma nei nel nella non per piu quando si sono su sul sulla tra un una uno
"""

STOPWORDS: Final = frozenset(
    " ".join((_ENGLISH, _SPANISH, _GERMAN, _FRENCH, _PORTUGUESE_ITALIAN)).split()
)

_COMMON_ENGLISH = """
according accuse accused add added ahead aid amp announce announced announces arrest arrested ask
asked attack attacks authorities back ban become best big biggest call called calls case change
charge charged charges chief child children cities city claim claims come comes country court
crisis cut cuts day days dead deadly deal death deaths decade decision die died dies end expected
face faces fall family fear fears fight final find finds fire first five force forces former found
four game give global go goes government group head help high hit hits home hours hundreds impact
including injured interview investigation issue issued join kill killed killing kills know last
late latest launch law lead leader leaders least leave left life live local long look made make
makes making man men million billion minister mother move national need new news next night nine
number office official officials old open part party people place plan plans police policy
political power president price prices prime public put raise raised raises rate report reported
reports return right rise risk row rule said saw say saying says second security see seek seeks
set seven shot show shows sign six start state statement stop story support take takes talks tell
tells ten test thing things thousands threat three time times today told top turn two use used
using victim victims video vote want wants war warn warned warning warns way week weeks well win
wins woman women won work worker workers world worst year years yesterday young
"""

_COMMON_SPANISH = """
acuerdo acusa acusado afirma agua alerta anos ano anuncia anuncio aprueba asegura ataque ataques
autoridades ayer ayuda caso casi causa cerca cientos ciudad ciudadanos contra crisis cuatro
decision deja dejan denuncia detenido detenidos dia dias dice dijo elecciones empresa equipo
estado falta familia fin final fiscalia gobierno gran grande grupo guerra herido heridos hombre
hoy incendio juez jueves justicia ley lider lunes manana martes mayor medidas mejor menos mes
meses miercoles miles millones ministerio ministra ministro momento muere mueren muerte muertes
muerto muertos mujer mujeres mundial mundo nacional ninos noche noticias nueva nuevas nuevo nuevos
pais paises parte partido personas pide piden plan poder policia politica presidenta presidente
primer primera primeros pueblo reforma region responsable resultado riesgo sabado semana semanas
sera siete situacion tarde tiempo trabajadores tres ultima ultimo ultimos unidos vez vida viernes
victima victimas violencia
"""

COMMON: Final = frozenset(f"{_COMMON_ENGLISH} {_COMMON_SPANISH}".split())
"""What newsrooms write of any event whatever: it tells a kind of event, seldom the event."""

_MONTH_NAMES = """
january february march april may june july august september october november december jan feb mar
apr jun jul aug sep sept oct nov dec enero febrero marzo abril mayo junio julio agosto septiembre
setiembre octubre noviembre diciembre januar februar marz mai juni juli oktober dezember janvier
fevrier mars avril juin juillet aout septembre octobre novembre decembre janeiro fevereiro marco
maio junho julho setembro outubro novembro dezembro gennaio febbraio aprile maggio giugno luglio
settembre ottobre dicembre
"""

MONTHS: Final = frozenset(_MONTH_NAMES.split())

_WEEKDAY_NAMES = """
monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri lunes martes
miercoles jueves viernes sabado domingo montag dienstag mittwoch donnerstag freitag samstag
sonnabend sonntag lundi mardi mercredi jeudi vendredi samedi dimanche segunda terca quarta quinta
sexta lunedi martedi mercoledi giovedi venerdi sabato domenica
"""

WEEKDAYS: Final = frozenset(_WEEKDAY_NAMES.split())
