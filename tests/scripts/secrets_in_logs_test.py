"""The search for secrets in the logs of the suite finds one that is there."""

import pathlib
import tempfile
import unittest

import secrets_in_logs


class SecretsInLogs(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.logs = pathlib.Path(directory.name) / "logs"
        secrets_in_logs.start(self.logs)
        (self.logs / "1.secrets").write_text("signature-of-a-request\nshort\n")
        (self.logs / "2.log").write_text("azure: token refused, short\n")

    def test_a_clean_log_passes(self):
        self.assertEqual(secrets_in_logs.check(self.logs), [])

    def test_a_secret_of_one_test_is_found_in_the_log_of_another(self):
        (self.logs / "3.log").write_text("GET /a?sig=signature-of-a-request\n")
        self.assertEqual(secrets_in_logs.check(self.logs), [("3.log", b"signatur")])

    def test_a_line_of_a_key_that_tests_hold_as_text_is_found(self):
        key = (secrets_in_logs.ROOT / secrets_in_logs.KEYS[0]).read_text()
        (self.logs / "3.log").write_text("key: " + secrets_in_logs.BASE64_LINE.findall(key)[0])
        self.assertEqual(len(secrets_in_logs.check(self.logs)), 1)

    def test_the_next_run_starts_with_nothing(self):
        secrets_in_logs.start(self.logs)
        self.assertEqual(list(self.logs.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
