"""Only the native search kernel is declared here; everything else is in pyproject.toml.

The extension is optional: without a C compiler the install succeeds and the numpy twin of the search is used.
"""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "jalousie.privacy.search._kernel",
            sources=[f"src/jalousie/privacy/search/{part}.c" for part in ("kernel", "tables", "judge", "steer", "search")],
            depends=["src/jalousie/privacy/search/kernel.h"],
            extra_compile_args=["-O3"],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            py_limited_api=True,
            optional=True,
        ),
        Extension(
            "jalousie.privacy.search._blocks",
            sources=[f"src/jalousie/privacy/search/{name}.c" for name in ("blocks", "rules", "mondrian")],
            depends=["src/jalousie/privacy/search/blocks.h"],
            extra_compile_args=["-O3", "-ffp-contract=off"],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            py_limited_api=True,
            optional=True,
        ),
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
