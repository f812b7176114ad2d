"""Only the native search kernel is declared here; everything else is in pyproject.toml.

The extension is optional: without a C compiler the install succeeds and the numpy twin of the search is used.
"""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "jalousie.privacy.search._kernel",
            sources=[
                f"src/jalousie/privacy/search/{part}.c"
                for part in ("kernel", "read", "count", "tables", "judge", "steer", "bounds", "ties", "search")
            ],
            depends=[f"src/jalousie/privacy/search/{name}.h" for name in ("kernel", "read", "search")],
            extra_compile_args=["-O3"],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            py_limited_api=True,
            optional=True,
        ),
        Extension(
            "jalousie.privacy.search._blocks",
            sources=[f"src/jalousie/privacy/search/{name}.c" for name in ("blocks", "sweep", "rules", "mondrian")],
            depends=[f"src/jalousie/privacy/search/{name}.h" for name in ("blocks", "sweep")],
            extra_compile_args=["-O3", "-ffp-contract=off"],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            py_limited_api=True,
            optional=True,
        ),
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
