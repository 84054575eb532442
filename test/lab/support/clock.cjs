/** Preloaded by Node: what this process makes is dated as many milliseconds off as KILONODE_TEST_CLOCK_MS says. */
const shift = Number(process.env.KILONODE_TEST_CLOCK_MS ?? 0);
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...values) {
    if (values.length > 0) super(...values);
    else super(RealDate.now() + shift);
  }

  static now() {
    return RealDate.now() + shift;
  }
};
