"""Maps the extension's folders to Python packages; everything else is in pyproject.toml.

The libraries lie inside the module folders because that is where 3D Slicer looks for them, so the
package folders cannot be found from one root and the resources are installed inside the packages.
"""

from setuptools import find_packages, setup

LIBRARIES = {"MedDeepRegSegLib": "MedDeepRegSeg", "MedDeepDiagnosisLib": "MedDeepDiagnosis"}

packages = []
package_dir = {}
for library, module_folder in LIBRARIES.items():
    packages += find_packages(module_folder, include=[library, f"{library}.*"])
    package_dir[library] = f"{module_folder}/{library}"
    packages.append(f"{library}.Resources")
    package_dir[f"{library}.Resources"] = f"{module_folder}/Resources"

setup(
    packages=packages,
    package_dir=package_dir,
    package_data={f"{library}.Resources": ["**/*"] for library in LIBRARIES},
)
