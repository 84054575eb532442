"""Artifacts from a bucket: read with the rights of the host's own role, believed only by their sums."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
import os
import urllib.error
import urllib.parse
import urllib.request

from .report import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import IO

METADATA = "http://169.254.169.254/latest"
METADATA_TIMEOUT_S = 10
# Of a single read: a bucket that stalls must not hold the host's lock for ever.
TIMEOUT_S = 60
CREDENTIALS = ("AccessKeyId", "SecretAccessKey", "Token")


class Bucket:
    """The folder `url` of a bucket. Requests are signed where it names its `region`."""

    def __init__(self, url: str, region: str | None) -> None:
        self.url = url.rstrip("/")
        self.region = region
        self.role = role_credentials() if region else {}

    def open(self, key: str) -> IO[bytes]:
        url = f"{self.url}/{urllib.parse.quote(key)}"
        headers: Mapping[str, str] = {}
        if self.region:
            headers = signed("GET", url, {}, self.role, self.region, datetime.datetime.now(datetime.timezone.utc))
        request = urllib.request.Request(url, headers=dict(headers))
        try:
            answer: IO[bytes] = urllib.request.urlopen(request, timeout=TIMEOUT_S)
        except urllib.error.HTTPError as error:
            reason = error.read(500).decode(errors="replace")
            raise Refused(
                f"the artifact store answered {error.code} to {url}: {reason}. "
                "The program uploads each binary, and the host's role may read it: run `up` again, or look at the role"
            ) from None
        except OSError as error:
            raise Refused(f"the artifact store does not answer ({url}): {error}. Look at the host's network") from None
        return answer


def role_credentials() -> dict[str, str]:
    """Of the instance's role, for some hours (version 2 of the instance metadata service alone)."""
    base = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "").rstrip("/")
    base = f"{base}/latest" if base else METADATA
    # No proxy of the host may see what comes.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(path: str, headers: dict[str, str], method: str = "GET") -> str:
        request = urllib.request.Request(f"{base}/{path}", headers=headers, method=method)
        with direct.open(request, timeout=METADATA_TIMEOUT_S) as answer:
            text: str = answer.read(16_384).decode()
            return text

    try:
        token = {"X-aws-ec2-metadata-token": ask("api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"}, "PUT")}
        path = "meta-data/iam/security-credentials/"
        role = ask(path, token).strip()
        found = json.loads(ask(path + urllib.parse.quote(role), token))
        return {name: found[name] for name in CREDENTIALS}
    except (OSError, ValueError, KeyError) as error:
        raise Refused(
            f"the instance metadata service ({base}) gives no credentials of a role: {error}. "
            "Without them nothing can be read from the artifact store: the instance needs its instance profile"
        ) from None


def signed(
    method: str,
    url: str,
    headers: Mapping[str, str],
    role: Mapping[str, str],
    region: str,
    now: datetime.datetime,
    body: bytes = b"",
) -> dict[str, str]:
    """The headers of a request, signed for S3.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
    """
    parts = urllib.parse.urlsplit(url)
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    sent = {**headers, "Host": parts.netloc, "x-amz-content-sha256": digest, "x-amz-date": moment}
    if role["Token"]:
        sent["x-amz-security-token"] = role["Token"]
    lines = {name.lower(): value.strip() for name, value in sent.items()}
    names = ";".join(sorted(lines))
    canonical = "\n".join(
        [method, parts.path, parts.query, *(f"{name}:{lines[name]}" for name in sorted(lines)), "", names, digest]
    )
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{role['SecretAccessKey']}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, to_sign.encode(), "sha256").hexdigest()
    credential = f"{role['AccessKeyId']}/{scope}"
    return {
        **sent,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={credential},SignedHeaders={names},Signature={signature}",
    }
