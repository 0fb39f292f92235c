// What the tests of Azure's clients share.
import assert from "node:assert/strict";

// Clients that try once, so that a refusal is seen as it is.
export const ONE_TRY = { retryOptions: { maxTries: 1 } };

// `promise` is refused with this status and, if given, error code.
export async function refused(promise, statusCode, code) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.statusCode, statusCode, error.message);
    if (code !== undefined) assert.equal(error.code ?? error.details?.errorCode, code);
    return true;
  });
}

export const minutesFromNow = (minutes) => new Date(Date.now() + minutes * 60_000);

// Names with what must be encoded in a path, in a query, in XML or JSON.
export const AWKWARD_NAMES = [
  " lead", "a b", "amp&eq=x", "comma,semi;", "hash#", "lt<gt>", "percent%41", "plus+plus", "quest?ion", "quote'\"",
  "tilde~", "ünï ☂", "𝄞 clef",
];
