"""Take pictures of the pages: `make screenshots` loads a demo of its own and looks at every door.

Pictures for the guide go to docs/images/guide; all of them, light and dark, on a desktop and on a
telephone, to the folder named on the command line. Names of pictures after it take only these.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Collection
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

GUIDE = Path(__file__).parent / "images" / "guide"
PORT = 18_731
BASE = f"http://localhost:{PORT}"
CITY = f"{BASE}/150200"
DESKTOP = {"width": 1200, "height": 800}
TELEPHONE = {"width": 390, "height": 844}
READY_SECONDS = 180
# The page that answers a bid evaluator's question: there is none before it is asked.
ASKING = "/150200/queries?q="
BIDDERS_SHOWN = 8
# A matter has a page of its own: the first link of its list leads there.
FIRST = "main tbody td a, main ul.rows a"
# A page that is reached from the one before: the code of an activity that goes on.
THEN = {"console-activity-code": "main a[href$='/code?way=in']"}
# name of the picture, who looks, where (after `FIRST`, in a list), and whether the guide shows it
SHOTS = (
    ("front-door", None, "/", True),
    ("public-city", None, "/150200/", True),
    ("public-register", None, "/150200/enterprises", True),
    ("public-rules", None, "/150200/rules", True),
    ("public-log", None, "/150200/log", True),
    ("public-contracts", None, "/150200/contracts", True),
    ("public-contract", None, FIRST + "/150200/contracts", False),
    ("public-lists", None, "/150200/lists", True),
    ("public-boards", None, "/150200/boards", False),
    ("public-points", None, "/150200/points", True),
    ("public-offers", None, "/150200/offers", False),
    ("sign-in", None, "/login", False),
    ("desk", "officer", "/150200/console", True),
    ("console-enterprises", "officer", "/150200/console/enterprises", True),
    ("console-events", "officer", "/150200/console/events", True),
    ("console-event", "reviewer", FIRST + "/150200/console/events?status=decidable", True),
    ("console-entry", "officer", "/150200/console/events/new", True),
    ("console-terms", "officer", "/150200/console/terms", False),
    ("console-suggestions", "officer", "/150200/console/suggestions", False),
    ("console-repairs", "officer", "/150200/console/repairs", False),
    ("console-repair", "reviewer", FIRST + "/150200/console/repairs?status=applied", True),
    ("console-contracts", "officer", "/150200/console/contracts", True),
    ("console-contract", "officer", FIRST + "/150200/console/contracts?status=in-force", True),
    ("console-duties", "officer", "/150200/console/duties", False),
    ("console-indicators", "officer", "/150200/console/indicators", False),
    ("console-lists", "officer", "/150200/console/lists", True),
    ("console-list-entry", "reviewer", FIRST + "/150200/console/lists?stage=decision", False),
    ("console-boards", "officer", "/150200/console/boards", False),
    ("console-imports", "officer", "/150200/console/imports", True),
    ("console-evaluations", "officer", "/150200/console/evaluations", True),
    ("console-runs", "officer", "/150200/console/runs", True),
    ("console-points", "street", "/150200/console/points", True),
    ("console-point-indicators", "street", "/150200/console/points/indicators", True),
    ("console-merchants", "street", "/150200/console/merchants", False),
    ("console-merchant", "street", FIRST + "/150200/console/merchants", True),
    ("console-offers", "street", "/150200/console/offers", False),
    ("console-settlements", "street", "/150200/console/settlements", False),
    ("console-settlement", "street", FIRST + "/150200/console/settlements", True),
    ("console-members", "community", "/150200/console/members", True),
    ("console-member", "community", FIRST + "/150200/console/members", False),
    ("console-activities", "community", "/150200/console/activities", False),
    ("console-activity", "community", FIRST + "/150200/console/activities?state=closed", True),
    (
        "console-activity-code",
        "community",
        FIRST + "/150200/console/activities?state=running",
        True,
    ),
    ("console-approvals", "community_head", "/150200/console/approvals", True),
    ("console-participation", "community", "/150200/console/approvals/new", False),
    ("query", "bidder", ASKING, True),
    ("queries", "bidder", "/150200/queries", True),
    ("answers", None, "/150200/answers", False),
    ("console-trail", "auditor", "/150200/console/trail", True),
    ("console-queries", "auditor", "/150200/console/queries", True),
    ("console-people", "administrator", "/150200/console/people", True),
    ("console-clients", "administrator", "/150200/console/clients", True),
    ("portal", "enterprise", "/150200/portal", True),
    ("portal-lift", "enterprise", "/150200/portal/lift", True),
    ("portal-facts", "enterprise", "/150200/portal/facts", True),
    ("portal-fact", "enterprise", FIRST + "/150200/portal/facts", True),
    ("portal-repairs", "enterprise", "/150200/portal/repairs", False),
    ("portal-contracts", "enterprise", "/150200/portal/contracts", True),
    ("portal-promises", "enterprise", "/150200/portal/promises", False),
    ("portal-lists", "enterprise", "/150200/portal/lists", False),
    ("portal-committee", "committee", "/150200/portal", True),
    ("portal-contract", "committee", FIRST + "/150200/portal/contracts", True),
    ("portal-duty", "committee", FIRST + "/150200/portal/promises", True),
    ("portal-people", "committee", "/150200/portal/people", False),
    ("wallet", "resident", "/150200/wallet", True),
    ("wallet-code", "resident", "/150200/wallet/code", True),
    ("wallet-history", "resident", "/150200/wallet/history", False),
    ("wallet-records", "resident", "/150200/wallet/records", False),
    ("wallet-offers", "resident", "/150200/wallet/offers", False),
    ("wallet-activity", "resident", "/150200/wallet/activity", False),
    ("till", "merchant", "/150200/till", True),
    ("till-redemptions", "merchant", "/150200/till/redemptions", False),
    ("till-statement", "merchant", FIRST + "/150200/till/statements", True),
    ("account", "officer", "/150200/account", True),
    ("account-merchant", "merchant", "/150200/account", True),
    ("account-resident", "resident", "/150200/account", False),
)


def main(folder: Path, names: Collection[str] = ()) -> None:
    """Start a demo, look at the pages of these names, or at every one, in every way, and stop it."""
    folder.mkdir(parents=True, exist_ok=True)
    GUIDE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="credit-pictures-", dir="/tmp") as data:
        Path(data).chmod(0o755)
        environment = os.environ | {
            "CREDIT_DATA_DIR": data,
            "CREDIT_PORT": str(PORT),
            "CREDIT_PUBLIC_URL": BASE,
        }
        demo = subprocess.Popen([sys.executable, "-m", "credit", "demo"], env=environment)
        try:
            wait_until_ready()
            users = json.loads((Path(data) / "demo.json").read_text())["users"]
            with sync_playwright() as playwright:
                path = shutil.which("chromium")
                browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
                for scheme in ("light", "dark"):
                    for kind, size in (("desktop", DESKTOP), ("phone", TELEPHONE)):
                        take(browser, users, folder, scheme, kind, size, names)
                browser.close()
        finally:
            demo.terminate()
            demo.wait()


def wait_until_ready() -> None:
    """Wait until the demo answers."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{BASE}/health/ready", timeout=2)  # noqa: S310 - our own
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise TimeoutError("the demo did not start")


def take(
    browser: Browser, users: dict[str, dict[str, str]], folder: Path, scheme: str, kind: str,
    size: dict[str, int], names: Collection[str],
) -> None:  # fmt: skip
    """Take the pictures of these names, or every one, in one colour scheme and size."""
    pages: dict[str | None, Page] = {}
    for name, who, path, in_guide in SHOTS:
        if names and name not in names:
            continue
        if who not in pages:
            context = browser.new_context(
                viewport=size, color_scheme=scheme, locale="zh-CN", base_url=BASE
            )
            pages[who] = context.new_page()
            if who is not None:
                sign_in(pages[who], users[who])
        page = pages[who]
        answer = page.goto(path.removeprefix(FIRST))
        if answer is None or answer.status != 200:
            raise RuntimeError(f"{path} answers {answer and answer.status}")
        if path.startswith(FIRST):
            page.goto(page.locator(FIRST).first.get_attribute("href") or "")
        if name in THEN:
            page.goto(page.locator(THEN[name]).first.get_attribute("href") or "")
        if path == ASKING:
            ask(page)
        page.screenshot(path=folder / f"{name}-{kind}-{scheme}.png", full_page=True)
        if in_guide and (kind, scheme) == ("desktop", "light"):
            page.screenshot(path=GUIDE / f"{name}.png")


def sign_in(page: Page, user: dict[str, str]) -> None:
    """Sign in as one of the demo's users."""
    page.goto("/login")
    page.select_option("[name=city]", "150200")
    page.fill("[name=username]", user["username"])
    page.fill("[name=password]", user["password"])
    page.click("main form button:not([type=button])")
    page.wait_for_url("**/150200/**")


def ask(page: Page) -> None:
    """Ask for the grades of a few bidders, as a bid evaluator does, and wait for the answer."""
    answer = page.request.get(f"/api/v1/150200/enterprises?limit={BIDDERS_SHOWN}")
    page.fill("[name=purpose]", "前期物业招标投标")
    page.fill("[name=tender_ref]", "包公资〔2026〕17号")
    page.fill("[name=bidders]", "\n".join(one["uscc"] for one in answer.json()["items"]))
    page.click("#ask [name=act][value=ask]")
    page.wait_for_selector("#signature")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "var/screenshots"), sys.argv[2:])
