"""A real Chromium that may talk to this machine alone, and that tells what a page asked for.

Every request is written down with its address, every console message with its level. A name that
is not this machine's resolves to nothing, so that a test never depends on the network and a page
that wants it is found out.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

SECONDS = 30.0
LOOKS_EVERY = 0.3  # seconds; asking a page for its text keeps it from going on
WIDE, NARROW = (1440, 900), (390, 844)
LOCAL = ("127.0.0.1", "localhost")
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # tests may run as root, in a container
    "--disable-dev-shm-usage",
    "--disable-gpu",
    # A page that is kept to go back to has its process for itself; the next one compiles all anew.
    "--disable-features=BackForwardCache",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    # As with a mouse: a window without any shows what others show under the pointer alone.
    "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,"
    "availablePointerTypes=4",
    f"--host-resolver-rules=MAP * ~NOTFOUND, {', '.join(f'EXCLUDE {name}' for name in LOCAL)}",
)


class Browser:
    """One Chromium with one window.

    Attributes:
        driver: Selenium's own view of it.
        requests: Addresses asked for since the last `open`.
        errors: Error messages of the console since the last `open`.
    """

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver
        self._requests: list[str] = []
        self._errors: list[str] = []

    def open(self, address: str, size: tuple[int, int] = WIDE) -> None:
        """Opens an address in a window of that size, as one who has never been there."""
        self.close()
        self.resize(*size)
        parts = urlsplit(address)
        origin = {"origin": f"{parts.scheme}://{parts.netloc}", "storageTypes": "all"}
        self.driver.execute_cdp_cmd("Storage.clearDataForOrigin", origin)
        self.driver.get(address)

    def go(self, address: str) -> None:
        """Follows a link, which is one within the page if nothing differs before its #."""
        self.driver.get(address)

    def before_each_page(self, source: str) -> None:
        """Runs JavaScript in every page from now on, before the page's own."""
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": source})

    def close(self) -> None:
        """Leaves the page, and forgets what it asked for."""
        self.driver.get("about:blank")
        self._drain()
        self._requests, self._errors = [], []

    def resize(self, width: int, height: int) -> None:
        """Makes the page's own area that wide and high, in CSS pixels."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    @property
    def requests(self) -> list[str]:
        self._drain()
        return self._requests

    @property
    def errors(self) -> list[str]:
        self._drain()
        return self._errors

    @property
    def strangers(self) -> list[str]:
        """Requests to anything but this machine."""
        return [address for address in self.requests if not _is_local(address)]

    @property
    def text(self) -> str:
        """All that is written on the page."""
        return str(self.driver.execute_script("return document.body.innerText"))

    def script(self, source: str, *arguments: Any) -> Any:
        """Runs JavaScript in the page."""
        return self.driver.execute_script(source, *arguments)

    def until(self, holds: Callable[[], Any], seconds: float = SECONDS) -> Any:
        """Waits until something is true, and returns it; shows the page's text if it never is."""
        waiting = WebDriverWait(
            self.driver, seconds, LOOKS_EVERY, ignored_exceptions=[StaleElementReferenceException]
        )
        try:
            return waiting.until(lambda _: holds())
        except Exception as error:
            raise AssertionError(
                f"not within {seconds:.0f} s; the page says: {self.text}"
            ) from error

    def shows(self, *texts: str) -> None:
        """Waits until the page shows all of the texts."""
        script = (
            "const all = document.body.innerText; return arguments[0].every(t => all.includes(t))"
        )
        self.until(lambda: self.script(script, texts))

    def click(self, css: str) -> None:
        """Clicks the first element that a CSS selector finds, once there is one."""
        self.until(lambda: self.driver.find_elements(By.CSS_SELECTOR, css))
        self.driver.find_elements(By.CSS_SELECTOR, css)[0].click()

    def shot(self, file: Path) -> None:
        """Writes what the window shows into a PNG file."""
        self.driver.save_screenshot(str(file))

    def _drain(self) -> None:
        for entry in self._log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self._requests.append(message["params"]["request"]["url"])
        entries = self._log("browser")
        self._errors += [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def _log(self, kind: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.driver.execute("getLog", {"type": kind})["value"]
        return entries


def _is_local(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme not in ("http", "https", "ws", "wss") or parts.hostname in LOCAL


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """Runs a Chromium with an empty profile.

    Args:
        profile: A folder for the profile.
    """
    options = ChromeOptions()
    programs = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    driver_program = shutil.which("chromedriver")
    assert driver_program is not None, "chromedriver must be on the PATH; Selenium would fetch one"
    options.binary_location = next(filter(None, programs))
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options, Service(driver_program))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
