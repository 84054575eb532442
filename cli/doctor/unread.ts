/** Something could not be read: the check that needs it fails with this message. */
export class Unread extends Error {}

/** It was not answered in time, on a machine under load: the check that needs it is not known. */
export class NotInTime extends Unread {}
