export function verifySignature(payload, signature) {
  return crypto.verify("ed25519", payload, key, signature);
}
