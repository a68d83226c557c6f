"""What people ask of spreadsheets: sixteen tasks, each with four examples to learn from and three to be asked.

All names, addresses and numbers are invented. `input > output`, one after the other.
"""

from collections.abc import Callable

import numpy as np

from course_utils.data.string_language import Program, Text
from solutions.synthesis.reference import Writer, beam, generalises, one_wrong, writes

Learns = Callable[[list[Text]], Program | None]

TASKS = {
    "surname first": """mira castell > Castell, Mira
        jonas felder > Felder, Jonas | IDA WINTER > Winter, Ida
        tom ashby > Ashby, Tom | lena PRICE > Price, Lena
        Omar Haddad > Haddad, Omar | ruth okafor > Okafor, Ruth""",
    "initials": """Mira Castell > M.C. | Jonas Felder > J.F.
        ida winter > I.W. | Tom Ashby > T.A. | lena price > L.P.
        Omar Haddad > O.H. | Ruth Okafor > R.O.""",
    "user name": """Mira Castell > mcastell | Jonas Felder > jfelder
        Ida Winter > iwinter | Tom Ashby > tashby
        Lena Price > lprice | Omar Haddad > ohaddad
        Ruth Okafor > rokafor""",
    "middle initial": """Ada Maria Keller > Ada M. Keller
        Jan Olof Berg > Jan O. Berg | Eva Sofia Lund > Eva S. Lund
        Max Karl Roth > Max K. Roth | Amy Jane Hill > Amy J. Hill
        Leo Paul Marsh > Leo P. Marsh | Una Rose Boyle > Una R. Boyle""",
    "name in an address": """t.brandt@lindenhof.org > t.brandt
        mira@castell.net > mira | sales-2@fern.co.uk > sales-2
        ruth.okafor@uni.edu > ruth.okafor | info@brook.com > info
        j_felder@post.de > j_felder | omar7@haddad.io > omar7""",
    "host of an address": """t.brandt@lindenhof.org > lindenhof.org
        mira@castell.net > castell.net | sales-2@fern.co.uk > fern.co.uk
        ruth.okafor@uni.edu > uni.edu | info@brook.com > brook.com
        j_felder@post.de > post.de | omar7@haddad.io > haddad.io""",
    "date, year first": """17/03/2021 > 2021-03-17
        02/11/1998 > 1998-11-02 | 30/06/2015 > 2015-06-30
        09/12/2007 > 2007-12-09 | 25/01/1984 > 1984-01-25
        11/08/2019 > 2019-08-11 | 06/04/1976 > 1976-04-06""",
    "year of a date": """12 May 1998 > 1998 | 3 June 2004 > 2004
        21 March 2017 > 2017 | 8 July 1985 > 1985
        30 August 2011 > 2011 | 1 April 1969 > 1969
        17 October 2023 > 2023""",
    "telephone": """030 555 0142 > (030) 555-0142
        0221 867 5309 > (0221) 867-5309 | 089 401 7733 > (089) 401-7733
        040 299 1180 > (040) 299-1180 | 0711 640 2051 > (0711) 640-2051
        069 318 4470 > (069) 318-4470 | 0341 912 6604 > (0341) 912-6604""",
    "telephone from +": """+49 30 5550142 > 030/5550142
        +49 221 8675309 > 0221/8675309 | +49 89 4017733 > 089/4017733
        +49 40 2991180 > 040/2991180 | +49 711 6402051 > 0711/6402051
        +49 69 3184470 > 069/3184470 | +49 341 9126604 > 0341/9126604""",
    "time": """7:45 pm > 7.45 PM | 11:05 am > 11.05 AM
        3:30 pm > 3.30 PM | 9:15 am > 9.15 AM | 12:00 pm > 12.00 PM
        6:50 am > 6.50 AM | 10:20 pm > 10.20 PM""",
    "kind of file": """notes.final.txt > TXT | photo-12.jpg > JPG
        budget 2020.xls > XLS | poster.v3.pdf > PDF | song.mp3.zip > ZIP
        map.old.png > PNG | letter.doc > DOC""",
    "part number": """KX-4471/b > b4471 (KX) | RT-903/a > a903 (RT)
        MON-18/c > c18 (MON) | PL-5520/d > d5520 (PL)
        QA-77/f > f77 (QA) | ZED-310/b > b310 (ZED) | HU-6/e > e6 (HU)""",
    "acronym": """world health day > WHD | sea level > SL
        very large array > VLA | open day > OD
        just in time > JIT | as soon as possible > ASAP | do it > DI""",
    "month's first letters": """november > NOV | march > MAR
        august > AUG | january > JAN | june > JUN | october > OCT
        february > FEB""",
    "month by name": """03/2021 > March 2021 | 11/1998 > November 1998
        06/2015 > June 2015 | 12/2007 > December 2007
        01/1984 > January 1984 | 08/2019 > August 2019 | 04/1976 > April 1976""",
}


def rows_of(task: str) -> list[Text]:
    """The examples of a task: four to learn from, three to be asked."""
    rows = []
    for pair in task.replace("\n", "|").split("|"):
        given, due = pair.split(" > ")
        rows.append((given.strip(), due.strip()))
    return rows


def by_net(net: Writer, width: int, tolerated: int = 0) -> Learns:
    """A beam of so many programs, of up to eight expressions, that a writer guides."""
    return lambda shown: beam(writes(net, shown), shown, width, 8, tolerated)


def enough(learn: Learns, rows: list[Text]) -> int:
    """From how many of the first four examples on it is right; 5 if with none."""
    least = 5
    for k in range(4, 0, -1):
        if not generalises(learn(rows[:k]), rows[4:]):
            break
        least = k
    return least


def three_mistakes(rows: list[Text]) -> list[list[Text]]:
    """The first four examples, three times, with a typing mistake in one of them."""
    return [one_wrong(np.random.RandomState(seed), rows[:4]) for seed in range(3)]
