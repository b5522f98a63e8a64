#!/usr/bin/env python3
"""Writes examples/miconsulado.toml from a CSV of offices.

usage: make_miconsulado.py OFFICES.csv > examples/miconsulado.toml
The CSV has the columns id, city, region, country, time_zone, demand_weight.
"""
import csv
import sys

DOCUMENTS_A_DAY = 25_000
UNITS_A_DAY = 28  # 08:00-15:00 in quarters of an hour

SERVICES = [
    # key, units, es, en, requirements es, requirements en, extra lines
    ("passport", 1, "Pasaporte", "Passport", ["Acta de nacimiento", "Identificación con fotografía"],
     ["Birth certificate", "Photo identification"], ["active_max = 1", "window_days = 30"]),
    ("consular-id", 1, "Matrícula consular", "Consular ID card",
     ["Acta de nacimiento", "Comprobante de domicilio"], ["Birth certificate", "Proof of address"],
     ["active_max = 1", "window_days = 30"]),
    ("voter-card", 1, "Credencial para votar", "Voter card", ["Identificación con fotografía"],
     ["Photo identification"], []),
    ("birth-registration", 2, "Registro de nacimiento", "Birth registration",
     ["Acta extranjera", "Identificación de los padres"], ["Foreign certificate", "Parents' identification"], []),
    ("civil-copies", 1, "Copias certificadas de actas", "Certified civil records", ["Datos del acta"],
     ["Details of the record"], []),
    ("marriage", 3, "Matrimonio", "Marriage", ["Actas de nacimiento", "Dos testigos"],
     ["Birth certificates", "Two witnesses"], ['cancel_cutoff = "24h"']),
    ("power-of-attorney", 2, "Poder notarial", "Power of attorney", ["Identificación", "Datos del apoderado"],
     ["Identification", "Details of the attorney"], []),
    ("legalization", 1, "Legalización de documentos", "Legalization of documents", ["Documento original"],
     ["Original document"], []),
    ("visa", 1, "Visa", "Visa", ["Pasaporte vigente", "Solicitud"], ["Valid passport", "Application form"], []),
    ("protection", 2, "Asesoría y protección", "Advice and protection", [], [], []),
]

HOLIDAYS_MX = [("2026-12-25", "Navidad"), ("2027-01-01", "Año Nuevo"),
               ("2027-02-01", "Día de la Constitución"), ("2027-03-15", "Natalicio de Benito Juárez"),
               ("2027-05-01", "Día del Trabajo"), ("2027-09-16", "Día de la Independencia"),
               ("2027-11-15", "Día de la Revolución"), ("2027-12-25", "Navidad")]
HOLIDAYS_US = [("2027-01-18", "Martin Luther King Jr. Day"), ("2027-02-15", "Washington's Birthday"),
               ("2027-05-31", "Memorial Day"), ("2027-06-18", "Juneteenth (observed)"),
               ("2027-07-05", "Independence Day (observed)"), ("2027-09-06", "Labor Day"),
               ("2027-10-11", "Columbus Day"), ("2027-11-11", "Veterans Day"),
               ("2027-11-25", "Thanksgiving Day"), ("2027-12-24", "Christmas Day (observed)"),
               ("2027-12-31", "New Year's Day (observed)")]
HOLIDAYS_CA = [("2026-12-28", "Boxing Day (observed)"), ("2027-03-26", "Good Friday"),
               ("2027-05-24", "Victoria Day"), ("2027-07-01", "Canada Day"), ("2027-09-06", "Labour Day"),
               ("2027-09-30", "National Day for Truth and Reconciliation"), ("2027-10-11", "Thanksgiving"),
               ("2027-11-11", "Remembrance Day"), ("2027-12-27", "Christmas Day (observed)"),
               ("2027-12-28", "Boxing Day (observed)")]

# What each channel may use of a slot. Phones keep a share until the day before, so that a rush on
# the web leaves something for those who call; protected cases keep theirs until two hours before.
CHANNELS = ['web = { max = "90%" }', 'phone = { protected = "20%", give_back = "24h" }',
            'desk = { max = "25%" }', 'priority = { protected = "5%", give_back = "2h" }']


def quoted(values):
    return "[" + ", ".join('"%s"' % value for value in values) + "]"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        offices = list(csv.DictReader(file))
    total = sum(int(office["demand_weight"]) for office in offices)
    out = [
        "# One appointment service for 57 consulates: a catalog that illustrates the published case.",
        "# It is not an official list. Cities, time zones and demand weights are assumptions; capacity",
        "# is spread by weight so that an ordinary day has places for about 25,000 documents.",
        "# Source of the case: announcement of the service, February 2022 (57 consulates, 35,000 calls a",
        "# day, 400 operators, more than 500,000 documents a month). Holidays: US federal (OPM), Mexican",
        "# (Ley Federal del Trabajo, article 74) and Canadian federal ones, December 2026 to 2027; those of",
        "# single states and provinces are left out.",
        "# Made by examples/make_miconsulado.py.", "",
        "[holds]", 'ttl = "10m"', 'ttl_max = "20m"', 'extended_max = "20m"', "per_party = 3", "",
    ]
    for office in offices:
        out += ["[[offices]]", 'key = "%s"' % office["id"], 'zone = "%s"' % office["time_zone"],
                'name = "Consulado de México en %s"' % office["city"],
                'country = "%s"' % office["country"], ""]
    for key, units, es, en, needs_es, needs_en, extra in SERVICES:
        out += ["[[services]]", 'key = "%s"' % key, "units = %d" % units,
                'name = { es = "%s", en = "%s" }' % (es, en),
                "requirements = { es = %s, en = %s }" % (quoted(needs_es), quoted(needs_en)), *extra, ""]
    for office in offices:
        weight = int(office["demand_weight"])
        capacity = max(1, round(DOCUMENTS_A_DAY * weight / total / UNITS_A_DAY))
        holidays = HOLIDAYS_MX + (HOLIDAYS_US if office["country"] == "US" else HOLIDAYS_CA)
        out += ["[[calendars]]", 'key = "%s"' % office["id"], 'office = "%s"' % office["id"],
                "services = %s" % quoted(service[0] for service in SERVICES),
                'unit = "15m"', "capacity = %d" % capacity, 'lead_time = "1h"', 'horizon = "30d"',
                'release_time = "08:00:00"',
                "hours = { %s }" % ", ".join('%s = ["08:00-15:00"]' % day
                                             for day in ("mon", "tue", "wed", "thu", "fri")),
                "exceptions = ["]
        out += ['    { date = "%s", closed = true, reason = "%s" },' % day for day in sorted(holidays)]
        out += ["]"]
        out += ["[calendars.channels]", *CHANNELS]
        out += [""]
    print("\n".join(out))


main()
