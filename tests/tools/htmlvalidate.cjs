// What html-validate asks of every mail: all that it recommends, but for three rules that are not
// for mail. tests/briefing/composition/test_others_html_validate.py uses it.
module.exports = {
    root: true,
    extends: ["html-validate:recommended"],
    rules: {
        // Styles stand on the elements because mail programs drop <style> (caniemail.com: html-style).
        "no-inline-style": "off",

        // Word, which shows mail in Outlook for Windows, reads nothing else. They hold its table.
        "no-conditional-comment": "off",

        // Webmail turns <article> into <div> and keeps the role (caniemail.com: html-semantics).
        "prefer-native-element": ["error", { exclude: ["article"] }],
    },
};
