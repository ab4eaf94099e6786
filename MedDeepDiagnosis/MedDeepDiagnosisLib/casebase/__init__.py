"""The case base: patients, studies, volumes by reference, segments, measurements, findings and outcomes, with history.

One SQLite file by default, or any database that SQLAlchemy reaches. Patients are pseudonymous unless the user says
otherwise, and nothing is overwritten: a changed value is a new version, the old one stays. Importing this package
imports nothing heavy; SQLAlchemy comes when a case base is opened.
"""

from MedDeepDiagnosisLib.casebase.opening import open_case_base, resolved_url

__all__ = ["open_case_base", "resolved_url"]
