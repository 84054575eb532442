/** Something could not be read: the check that needs it fails with this message. */
export class Unread extends Error {
  override readonly name = "Unread";
}
