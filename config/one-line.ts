/** One line of a file that is read by lines: with a line break, a value would begin a setting of its own. */
export const isOneLine = (text: string): boolean => !/[\p{Cc}\u2028\u2029]/u.test(text);
