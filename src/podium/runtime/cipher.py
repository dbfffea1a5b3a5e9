"""Encryption of what is stored and must not be read from the file: secrets.

Fernet (AES-128-CBC with HMAC-SHA256) under keys made from the texts of the setting `secret_key`. The first encrypts,
all decrypt, so a key is changed by putting the new one in front. The library is imported by servers that have a key.
"""

import base64
import hashlib

_SALT = b"podium.secrets.1"  # the texts are secrets of one server; the salt keeps them from other uses of scrypt


class Cipher:
    """Encrypts and decrypts with the keys of a server; a key costs 50 ms at the start."""

    def __init__(self, keys: str) -> None:
        from cryptography.fernet import Fernet, MultiFernet

        texts = [text for part in keys.split(",") if (text := part.strip())]
        self._fernet = MultiFernet([Fernet(_key(text)) for text in texts])

    def encrypted(self, text: str) -> str:
        """Return *text* as it may be stored."""
        return self._fernet.encrypt(text.encode()).decode()

    def decrypted(self, stored: str) -> str | None:
        """Return the text, None when none of the keys fits."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(stored.encode()).decode()
        except InvalidToken:
            return None


def _key(text: str) -> bytes:
    made = hashlib.scrypt(text.encode(), salt=_SALT, n=1 << 14, r=8, p=1, maxmem=64 << 20, dklen=32)
    return base64.urlsafe_b64encode(made)
