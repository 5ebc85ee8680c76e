"""Keeps a Typst world and makes an invoice of each line on its input, a JSON text; answers each with a line, the PDF in base64.

    python3 typst_world.py FONT_FOLDER…
"""
import base64, pathlib, sys

import typst

here = pathlib.Path(__file__).resolve().parent
compiler = typst.Compiler(here / "invoice.typ", root=here, font_paths=sys.argv[1:], ignore_system_fonts=True)
for line in sys.stdin:
    pdf = compiler.compile(format="pdf", sys_inputs={"invoice": line})
    print(base64.b64encode(pdf).decode(), flush=True)
