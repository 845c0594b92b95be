// Light, dark, or what the system says. A plain script, so that it runs before the first paint; a page without storage still works.
"use strict";
(() => {
    const KEY = "reclassd-theme";
    const CHOICES = ["system", "light", "dark"];

    function read() {
        try {
            const kept = localStorage.getItem(KEY);
            return CHOICES.includes(kept) ? kept : "system";
        } catch {
            return "system";
        }
    }

    function apply(choice) {
        if (choice === "system") delete document.documentElement.dataset.theme;
        else document.documentElement.dataset.theme = choice;
    }

    window.reclassdTheme = {
        CHOICES,
        get: read,
        set(choice) {
            apply(choice);
            try {
                localStorage.setItem(KEY, choice);
            } catch {
                // It holds until the page is left.
            }
        },
    };
    apply(read());
})();
