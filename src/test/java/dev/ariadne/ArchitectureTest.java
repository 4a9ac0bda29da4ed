package dev.ariadne;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Which package may see which: the arrows of the design, checked on the compiled classes. */
@AnalyzeClasses(packages = "dev.ariadne", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

    private static final DescribedPredicate<JavaClass> ARIADNE = resideInAPackage("dev.ariadne..");

    // (**) and not (*): dev.ariadne.model and dev.ariadne.model.weights are two slices
    @ArchTest
    static final ArchRule packagesFormNoCycle =
            slices().matching("dev.ariadne.(**)").should().beFreeOfCycles().allowEmptyShould(true);

    @ArchTest
    static final ArchRule onlyTensorKnowsTheEngine = noClasses()
            .that()
            .resideOutsideOfPackage("dev.ariadne.tensor")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("ai.djl.pytorch..")
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule onlyNotebookKnowsAKernel = noClasses()
            .that()
            .resideOutsideOfPackage("dev.ariadne.notebook")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.dflib.jjava..", "io.github.spencerpark..")
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule viewStandsAlone = seesOnly("view");

    @ArchTest
    static final ArchRule displaySeesViewsOnly = seesOnly("display", "dev.ariadne.view");

    @ArchTest
    static final ArchRule notebookSeesViewAndDisplayOnly =
            seesOnly("notebook", "dev.ariadne.view", "dev.ariadne.display");

    @ArchTest
    static final ArchRule tensorSeesViewOnly = seesOnly("tensor", "dev.ariadne.view");

    @ArchTest
    static final ArchRule weightsSeeTensorAndViewOnly =
            seesOnly("model.weights", "dev.ariadne.tensor", "dev.ariadne.view");

    @ArchTest
    static final ArchRule trainKnowsNoTask = seesOnly(
            "train", "dev.ariadne.model..", "dev.ariadne.tensor", "dev.ariadne.view", "dev.ariadne.transcoder");

    @ArchTest
    static final ArchRule sparseStandsOnTrainingAndCircuits = seesOnly(
            "sparse",
            "dev.ariadne.model..",
            "dev.ariadne.tensor",
            "dev.ariadne.train",
            "dev.ariadne.task",
            "dev.ariadne.circuit",
            "dev.ariadne.view");

    @ArchTest
    static final ArchRule transcoderStandsOnModel =
            seesOnly("transcoder", "dev.ariadne.model..", "dev.ariadne.tensor", "dev.ariadne.view");

    @ArchTest
    static final ArchRule attributionStandsOnTranscoder = seesOnly(
            "attribution", "dev.ariadne.model..", "dev.ariadne.tensor", "dev.ariadne.view", "dev.ariadne.transcoder");

    @ArchTest
    static final ArchRule modelDoesNotTrain = noClasses()
            .that()
            .resideInAPackage("dev.ariadne.model..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.ariadne.train..");

    @ArchTest
    static final ArchRule onlyCliAndNotebookUseDisplay = noClasses()
            .that()
            .resideInAPackage("dev.ariadne..")
            .and()
            .resideOutsideOfPackages("dev.ariadne.display..", "dev.ariadne.notebook..", "dev.ariadne.cli..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.ariadne.display..")
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule nobodyUsesGson = noClasses()
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "com.google.gson..",
                    "org.apache.commons.codec..",
                    "org.apache.commons.compress..",
                    "org.apache.commons.io..",
                    "org.apache.commons.lang3..")
            .because("IJava brings older versions that win over ours")
            .allowEmptyShould(true);

    /** Of our own packages, {@code dev.ariadne.<name>} may depend on itself and on those named. */
    private static ArchRule seesOnly(String name, String... allowed) {
        var self = "dev.ariadne." + name;
        return classes()
                .that()
                .resideInAPackage(self)
                .should()
                .onlyDependOnClassesThat(
                        resideInAPackage(self).or(resideInAnyPackage(allowed)).or(DescribedPredicate.not(ARIADNE)))
                .allowEmptyShould(true);
    }
}
